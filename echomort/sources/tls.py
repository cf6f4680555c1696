"""TLS for associations (PS3.15 B.12, BCP 195): each side shows a certificate, and takes those of its authorities."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError

SECONDS = 10
"""So long the handshake that looks for the reason of a failure may take. Our choice."""


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: the authorities whose certificates we take, our own certificate (with its chain), and its key."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def of(cls, authority: Path | None, certificate: Path | None, key: Path | None) -> Certificates | None:
        """Return the three files, or None where none is named. Raises :class:`UserError` where some are, or one can't
        be used."""
        if not (authority or certificate or key):
            return None
        if not (authority and certificate and key):
            raise UserError("TLS needs three files", "give --tls-ca, --tls-cert and --tls-key")
        found = cls(authority, certificate, key)
        found.to_call()
        return found

    def to_call(self) -> ssl.SSLContext:
        """Return the context of a connection that we open: the certificate must be that of the host we name."""
        return self._loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def to_be_called(self) -> ssl.SSLContext:
        """Return the context of connections that others open: who shows no certificate of the authority is let go."""
        context = self._loaded(_Listening(ssl.PROTOCOL_TLS_SERVER))
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _loaded(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(self.authority)
        except (OSError, ssl.SSLError):
            raise UserError(
                "the file of --tls-ca can't be used", "name a readable file of certificates (PEM)"
            ) from None
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ssl.SSLError):
            remedy = "name a certificate and its own key, both readable, in PEM, the key without a password"
            raise UserError("the files of --tls-cert and --tls-key can't be used", remedy) from None
        return context

    def problem(self, host: str, port: int) -> str:
        """Return why a handshake with ``host`` fails, "" where it does not or nobody answers."""
        try:
            plain = socket.create_connection((host, port), SECONDS)
            with plain, self.to_call().wrap_socket(plain, server_hostname=host) as connection:
                connection.settimeout(1)  # TLS 1.3: a server that refuses our certificate says so afterwards
                connection.recv(1)
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not accepted: {error.verify_message}"
        except ssl.SSLError:
            return "it does not accept our certificate, or speaks no TLS there"
        except OSError:
            return ""
        return ""


class _Listening(ssl.SSLContext):
    """Leaves the handshake to the connection's own thread, so that a silent caller keeps nobody else out."""

    def wrap_socket(self, sock: socket.socket, **how: Any) -> ssl.SSLSocket:  # type: ignore[override]
        return super().wrap_socket(sock, do_handshake_on_connect=False, **how)


def _no_password() -> str:
    """Answer OpenSSL's question for the password of a key, which would wait for a terminal."""
    return ""

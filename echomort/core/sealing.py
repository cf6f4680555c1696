"""Text that only holders of the site's key can read, for a file that outlives the process that wrote it."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from echomort.core.errors import UserError
from echomort.core.keys import Keyring


def seal(text: str, keyring: Keyring) -> str:
    """Return ``text`` encrypted and authenticated (Fernet: AES-128 in CBC mode, HMAC-SHA256), as ASCII."""
    from cryptography.fernet import Fernet

    return Fernet(_key(keyring)).encrypt(text.encode()).decode()


def unseal(sealed: str, keyring: Keyring) -> str:
    """Return the text that :func:`seal` was given. Raises :class:`UserError` for one that another key sealed."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return Fernet(_key(keyring)).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UserError(
            "this machine has another key than the one that started the run",
            "give all machines the same ECHOMORT_KEY, or the same privacy.key_file on the shared file system",
        ) from None


def _key(keyring: Keyring) -> bytes:
    """Return a key for sealing alone, of which the site's secret can't be learned."""
    return urlsafe_b64encode(hmac.new(keyring.secret, b"seal\x00", hashlib.sha256).digest())

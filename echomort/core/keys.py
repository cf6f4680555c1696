"""Keyed pseudonyms and date shifts: the only way an identifier enters the project."""

import hashlib
import hmac
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from echomort.core.errors import UserError
from echomort.core.files import read_secret, write_text

KEY_VARIABLE = "ECHOMORT_KEY"
"""Environment variable with the site's secret."""
MAKE = "openssl rand -hex 32 > {0}; chmod 600 {0}"
"""The commands that make a key file, whose name is put in."""
KEY_BYTES = 32
"""Shortest secret, as long as the digest of HMAC-SHA256."""
SYNTHETIC_KEY = b"echomort synthetic archive: this key is public"
PLACES = frozenset({"instance", "folder"})
"""Domains of the names of files and folders, in which every space counts; they may hold bytes that are no text."""
SHIFT_DAYS = 365
"""Most days that a patient's dates move."""


@dataclass(frozen=True)
class Keyring:
    """Turns identifiers into pseudonyms with one secret key.

    A pseudonym is the first 128 bits of HMAC-SHA256(key, domain || 0x00 || identifier) in hexadecimal, so that the
    same number in two domains (a patient, a study) has two unrelated pseudonyms.

    >>> keyring = Keyring(b"only this page knows this secret")
    >>> keyring.pseudonym("patient", "1024")
    '5a3c8f19c56e3ca99ea1dc8a96ac23ce'
    >>> keyring.pseudonym("study", "1024")
    '03af18296a4303bd4aae7f217cdf1969'
    >>> keyring.shift_days(keyring.pseudonym("patient", "1024"))
    135
    """

    secret: bytes = field(repr=False)
    is_public: bool = False

    @property
    def key_id(self) -> str:
        """A name for the key that does not reveal it: tables made with two keys can't be mixed up."""
        return self.pseudonym("key", "id")[:12]

    def pseudonym(self, domain: str, identifier: str) -> str:
        """Return the 32-character pseudonym of ``identifier`` in ``domain`` ("patient", "study", ...)."""
        exact = identifier if domain in PLACES else identifier.strip()
        message = domain.encode() + b"\x00" + exact.encode(errors="surrogateescape")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:32]

    def shift_days(self, patient_key: str) -> int:
        """Return the whole days, 1 to 365, by which every date of this patient moves into the past."""
        message = b"shift\x00" + patient_key.encode()
        drawn = int.from_bytes(hmac.new(self.secret, message, hashlib.sha256).digest()[:8], "big")
        return 1 + drawn % SHIFT_DAYS


KEY_ID_FILE = "key_id"
"""File of a home with the id of its key (:attr:`Keyring.key_id`), which reveals nothing of the key."""


def check_key(home: Path, keyring: Keyring) -> None:
    """Raise :class:`UserError` if ``home`` was made with another key: a patient would get a second pseudonym."""
    file = home / KEY_ID_FILE
    if file.is_file():
        known = file.read_text().strip()
        if known != keyring.key_id:
            raise UserError(
                f"this home was made with another key (key id {known}, now {keyring.key_id})",
                "use the former key, or begin a new home with `echomort rekey` (docs/privacy.md)",
            )


def note_key(home: Path, keyring: Keyring) -> None:
    """Note the id of the key that ``home`` is made with, once."""
    if home.is_dir() and not (home / KEY_ID_FILE).exists():
        write_text(home / KEY_ID_FILE, f"{keyring.key_id}\n")


def load_keyring(key_file: Path | None, synthetic: bool) -> Keyring:
    """Return the site's keyring from ``ECHOMORT_KEY`` or from ``key_file``; the public one for synthetic data.

    Raises :class:`UserError` where there is no key, where it is shorter than 32 bytes, or where others can read the
    file: without a secret no pseudonym is safe, so nothing is read.
    """
    if synthetic:
        return Keyring(SYNTHETIC_KEY, is_public=True)
    if text := os.environ.get(KEY_VARIABLE):
        return Keyring(_checked(text.strip().encode(), KEY_VARIABLE))
    if key_file is None:
        raise UserError(
            "no key for pseudonyms",
            f"set {KEY_VARIABLE}, or privacy.key_file to a file made by `{MAKE.format('FILE')}`",
        )
    return read_keyring(key_file, "privacy.key_file")


def read_keyring(key_file: Path, setting: str) -> Keyring:
    """Return the keyring of the file named by ``setting``. Raises :class:`UserError` as :func:`load_keyring` does."""
    secret = read_secret(
        key_file, "the key file", setting, f"make it (`{MAKE.format(shlex.quote(str(key_file)))}`)"
    ).strip()
    return Keyring(_checked(secret, "the key file"))


def _checked(secret: bytes, where: str) -> bytes:
    if len(secret) < KEY_BYTES:
        raise UserError(f"the key in {where} is shorter than {KEY_BYTES} bytes", "make one with `openssl rand -hex 32`")
    return secret

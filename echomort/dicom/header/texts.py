"""The texts that people typed into headers: how much of them is read and remembered, and in which form."""

import re
import unicodedata

MAX_TEXT = 256
"""Characters of a text that are searched. Our choice: DICOM's short and long strings have 64 at most, several may be
joined."""

TAGS_KEPT = 1024
"""Sets of tags whose meaning is remembered while a process lives: an archive's texts repeat. Our choice."""

LETTERS = str.maketrans({"œ": "oe", "ß": "ss", "ø": "o", "æ": "ae"})
"""Letters that are no accented ones, and how they are written without. Orthography."""


def plain_text(text: str) -> str:
    """Return ``text`` in lower case, without accents, and with one space for anything but letters and digits.

    >>> plain_text("Écho-Doppler  des TSA"), plain_text("Transösophageale")
    ('echo doppler des tsa', 'transosophageale')
    """
    parted = unicodedata.normalize("NFKD", text[:MAX_TEXT].lower().translate(LETTERS))
    bare = "".join(sign for sign in parted if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


def split_digits(text: str) -> str:
    """Return ``text``, in lower case, with letters and digits separated: ``"a4c"`` is ``"a 4 c"``."""
    return re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", " ", text)

"""How much of the texts that people typed into headers is read and remembered."""

MAX_TEXT = 256
"""Characters of a text that are searched. Our choice: DICOM's short and long strings have 64 at most, several may be
joined."""

TAGS_KEPT = 1024
"""Sets of tags whose meaning is remembered while a process lives: an archive's texts repeat. Our choice."""

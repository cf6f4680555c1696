"""docs/glossary.md is in alphabetical order and names places that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| \*\*(.+?)\*\* \|.*\| (.+?) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)


def test_words_are_in_alphabetical_order() -> None:
    words = [re.sub(r"[^a-z]", "", word.lower()) for word, _ in ROWS]
    assert len(words) > 50 and words == sorted(set(words))


def test_every_place_exists() -> None:
    places = [place for _, column in ROWS for place in re.findall(r"`(.+?)`", column)]
    assert [place for place in places if not (ROOT / place).exists()] == []
    assert all("`" in column for _, column in ROWS)

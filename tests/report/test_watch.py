"""The report says what of the latest studies is not as before, and nothing where nothing could be compared."""

import pandas as pd

from echomort.report.blocks import Table, Words
from echomort.report.sections.watch import watch


def found(words: str, moved: int, inputs: int = 12) -> pd.DataFrame:
    row = {"check": "headers_are_as_before", "inputs": inputs, "moved": moved, "largest": "scanner vendor"}
    return pd.DataFrame([row | {"distance": 0.31, "words": words}])


def test_what_moved_is_said_in_a_sentence_and_counted() -> None:
    (section,) = watch(found("the latest studies differ: scanner vendor: ge in 0% before, 50% now", 1))
    words, table = section.blocks
    assert isinstance(words, Words) and isinstance(table, Table)
    assert words.texts == ["The latest studies differ: scanner vendor: ge in 0% before, 50% now."]
    assert [cell.text for cell in table.cells[0]] == ["Headers are as before", "12", "1", "Scanner vendor", "0.31"]


def test_nothing_moved_is_no_sentence() -> None:
    (section,) = watch(found("", 0))
    assert [block.kind for block in section.blocks] == ["table"]


def test_nothing_is_shown_where_nothing_could_be_compared() -> None:
    assert watch(found("", 0, inputs=0)) == []

"""What a page is made of: sections of words, tables, pictures and loops. The template draws them, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from echomort.report.words import counted


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, a smaller ``aside`` after it, and its ``style`` (classes of the page)."""

    text: str
    aside: str = ""
    style: str = ""


Row = Sequence[Cell | str]


@dataclass(frozen=True)
class Table:
    """``columns`` that begin with ``#`` hold numbers and are set to the right; a ``folded`` table opens on demand under
    its caption; ``note`` stands below."""

    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    folded: bool = False
    note: str = ""
    kind: str = "table"

    @property
    def heads(self) -> list[tuple[str, str]]:
        """(label, css class) of each column."""
        return [(name.removeprefix("#"), "number" if name.startswith("#") else "") for name in self.columns]

    @property
    def size(self) -> str:
        """How many rows there are, in words."""
        return counted(len(self.rows), "row")

    @property
    def cells(self) -> list[list[Cell]]:
        """All cells, plain strings wrapped."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]

    def plain(self) -> list[dict[str, str]]:
        """Return the rows as mappings of column to text, for the JSON twin."""
        names = [label for label, _ in self.heads]
        texts = [[f"{cell.text} {cell.aside}".strip() for cell in row] for row in self.cells]
        return [dict(zip(names, row, strict=True)) for row in texts]


@dataclass(frozen=True)
class Picture:
    """An inline SVG with the sentence that says what it shows; two ``half`` pictures stand side by side."""

    svg: str
    title: str
    caption: str = ""
    half: bool = False
    kind: str = "picture"


@dataclass(frozen=True)
class Loop:
    """A loop as data URIs, with its words."""

    moving: str
    still: str
    view: str
    caption: str
    detail: str


@dataclass(frozen=True)
class Loops:
    """A row of loops for each (view, loops)."""

    groups: Sequence[tuple[str, Sequence[Loop]]]
    caption: str
    kind: str = "loops"


@dataclass(frozen=True)
class Words:
    """Paragraphs, or the points of a list."""

    texts: Sequence[str]
    listed: bool = False
    kind: str = "words"


@dataclass(frozen=True)
class Terms:
    """Names and what they are."""

    items: Sequence[tuple[str, str]]
    kind: str = "terms"


@dataclass(frozen=True)
class Section:
    """A part of the page; ``blocks`` are what the template draws, in order."""

    name: str
    title: str
    blocks: Sequence[Any]
    lead: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables among the blocks."""
        return [block for block in self.blocks if isinstance(block, Table)]

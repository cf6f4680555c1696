"""The content of a page: sections of text, tables, pictures and loops, which the template lays out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from echomort.report.words import counted


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, a smaller ``aside`` after it, and its ``style`` (CSS classes of the page)."""

    text: str
    aside: str = ""
    style: str = ""


Row = Sequence[Cell | str]

COLUMNS_OF_A_PHONE = 3
"""Columns that fit beside each other on a screen 390 pixels wide; there, a table of more shows each row as a card."""


@dataclass(frozen=True)
class Table:
    """A table. ``columns`` that begin with ``#`` hold numbers and are aligned right. A ``folded`` table is collapsed
    under its caption until it is opened. ``note`` is printed below."""

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
    def becomes_cards(self) -> bool:
        """Whether each row becomes a card on a narrow screen, so that no column is cut."""
        return len(self.columns) > COLUMNS_OF_A_PHONE

    @property
    def label(self) -> str:
        """The name of the table in the names of files and in LaTeX."""
        return _file_name(self.name)

    @property
    def file(self) -> str:
        """Path of the table as CSV, relative to the page."""
        return f"tables/{self.label}.csv"

    @property
    def size(self) -> str:
        """The number of rows, with its noun."""
        return counted(len(self.rows), "row")

    @property
    def cells(self) -> list[list[Cell]]:
        """All cells; strings become a :class:`Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]

    def text_rows(self) -> list[dict[str, str]]:
        """Return the rows as mappings of column to text, for the JSON twin."""
        names = [label for label, _ in self.heads]
        texts = [[f"{cell.text} {cell.aside}".strip() for cell in row] for row in self.cells]
        return [dict(zip(names, row, strict=True)) for row in texts]


@dataclass(frozen=True)
class Picture:
    """An inline SVG with a title and a caption; two ``half`` pictures are printed side by side.

    ``points``: what is drawn, by name, for the JSON twin; nothing of a single patient.
    """

    svg: str
    title: str
    caption: str = ""
    half: bool = False
    points: Mapping[str, Iterable[float]] = field(default_factory=dict)
    kind: str = "picture"

    @property
    def name(self) -> str:
        """The name of the figure: the id of its SVG without the prefix ``fig-``."""
        found = re.search(r'\bid="([^"]+)"', self.svg)
        return _file_name(found[1].removeprefix("fig-") if found else self.title)

    @property
    def file(self) -> str:
        """Path of the figure as SVG, relative to the page."""
        return f"figures/{self.name}.svg"


@dataclass(frozen=True)
class Loop:
    """A loop as data URIs: the animation and its first frame, with view, caption and detail."""

    moving: str
    still: str
    view: str
    caption: str
    detail: str


@dataclass(frozen=True)
class Loops:
    """One row of loops for each (view, loops)."""

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
    """Pairs of a term and its description."""

    items: Sequence[tuple[str, str]]
    kind: str = "terms"


@dataclass(frozen=True)
class Section:
    """A section of the page; the template draws its ``blocks`` in order."""

    name: str
    title: str
    blocks: Sequence[Any]
    lead: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables among the blocks."""
        return [block for block in self.blocks if isinstance(block, Table)]

    @property
    def pictures(self) -> list[Picture]:
        """The pictures among the blocks."""
        return [block for block in self.blocks if isinstance(block, Picture)]


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)

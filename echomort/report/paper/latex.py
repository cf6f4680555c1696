"""Tables of the report as LaTeX, for ``\\input``: packages array, booktabs and longtable."""

from collections.abc import Iterator

from echomort.report.blocks import Cell, Table
from echomort.report.words import DASH, MINUS, NARROW, NOTHING, TIMES

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    MINUS: "$-$",
    TIMES: r"$\times$",
    NARROW: r"\,",
    "\N{NO-BREAK SPACE}": "~",
    DASH: "--",
    NOTHING: "---",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
}
"""Character -> its LaTeX; all others are letters that LaTeX reads as UTF-8."""
ROWS_OF_A_PAGE = 35
"""Rows above which a table runs over several pages. Chosen here: single-spaced lines of 10 pt on A4."""
WIDE_CELL = 30
"""Characters above which a column breaks its lines. Chosen here: about a third of a line of 10 pt on A4."""
LINE = 72
"""Characters of a line: 345 points of LaTeX's article on A4 in 10 pt, of which a character takes 4.8 on average."""
GAP = 2.5
"""Characters that the space between two columns takes: twice LaTeX's \\tabcolsep of 6 points."""
LEAST_WRAPPED = 0.3
"""Share of the line that the columns which break their lines have together at least: where the others leave less, the
table needs smaller type. Chosen here: 20 characters."""


def escape(text: str) -> str:
    r"""Return ``text`` so that LaTeX prints it as it is, in one line.

    >>> escape("a_b & 5 %")
    'a\\_b \\& 5 \\%'
    """
    return "".join(SPECIAL.get(character, character) for character in text.replace("\n", " "))


def latex_table(table: Table) -> str:
    """Return ``table`` with its caption, its note and the label ``tab:NAME``; over several pages where it is long."""
    return "\n".join(_long(table) if len(table.rows) > ROWS_OF_A_PAGE else _floating(table)) + "\n"


def _floating(table: Table) -> Iterator[str]:
    yield r"\begin{table}[htbp]"
    yield r"\centering"
    yield _caption(table)
    yield rf"\begin{{tabular}}{{{_columns(table)}}}"
    yield r"\toprule"
    yield _head(table)
    yield r"\midrule"
    yield from _rows(table)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    if table.note:
        yield rf"\par\smallskip\footnotesize {escape(table.note)}"
    yield r"\end{table}"


def _long(table: Table) -> Iterator[str]:
    yield rf"\begin{{longtable}}{{{_columns(table)}}}"
    yield rf"{_caption(table)} \\"
    yield r"\toprule"
    yield _head(table)
    yield r"\midrule"
    yield r"\endhead"
    yield r"\bottomrule"
    yield r"\endfoot"
    yield from _rows(table)
    yield r"\end{longtable}"
    if table.note:
        yield rf"{{\footnotesize {escape(table.note)}\par}}"


def _caption(table: Table) -> str:
    return rf"\caption{{{escape(table.caption)}}}\label{{tab:{table.label}}}"


def _head(table: Table) -> str:
    return " & ".join(escape(label) for label, _ in table.heads) + r" \\"


def _rows(table: Table) -> Iterator[str]:
    for row in table.cells:
        yield " & ".join(_cell(cell) for cell in row) + r" \\"


def _cell(cell: Cell) -> str:
    """Return the text of a cell, its aside in brackets. Braces keep LaTeX from taking ``[`` or ``*`` at the start of a
    row for an option of the row before."""
    whole = f"{cell.text} ({cell.aside})" if cell.text and cell.aside else cell.text or cell.aside
    return f"{{}}{escape(whole)}" if whole.startswith(("[", "*")) else escape(whole)


def _columns(table: Table) -> str:
    """Return a letter a column: numbers are aligned right, and columns of long texts share what the others leave
    of the line, by their length."""
    longest = [
        max((len(f"{row[place].text} {row[place].aside}") for row in table.cells), default=0)
        for place in range(len(table.columns))
    ]
    wide = {place: length for place, length in enumerate(longest) if length > WIDE_CELL}
    total = sum(length**0.5 for length in wide.values())
    heads = [len(label) for label, _ in table.heads]
    others = sum(max(longest[place], heads[place]) for place in range(len(heads)) if place not in wide)
    left = max(LEAST_WRAPPED, 1 - (others + GAP * len(heads)) / LINE)
    return "".join(
        rf">{{\raggedright\arraybackslash}}p{{{left * wide[place] ** 0.5 / total:.2f}\linewidth}}"
        if place in wide
        else "r"
        if style
        else "l"
        for place, (_, style) in enumerate(table.heads)
    )

"""Write an experiment: its results as CSV, its figure as SVG and PNG, and one offline page. All are aggregates."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from echomort.core.files import write_bytes, write_text
from echomort.experiments import blocks
from echomort.experiments.figures import draw
from echomort.experiments.results import USUAL, Display, Findings, findings, results_csv
from echomort.method import SOURCES
from echomort.report import intended_use
from echomort.report.blocks import Picture, Section, Table, Words
from echomort.report.drawing.style import png, standalone_svg
from echomort.report.templating import style, template

CSV, SVG, PNG, PAGE = "results.csv", "figure.svg", "figure.png", "page.html"
LIMITS = (
    "A cell is one training, or one cross-validation, at this archive's size: another draw of patients, or another "
    "seed, gives another figure.",
    "The cells of an experiment were not corrected for their number: of many pairs, a few differ by chance.",
    intended_use.INTENDED_USE,
)


def write_experiment(
    experiment: str, cells: pd.DataFrame, folder: Path, is_synthetic: bool, display: Display = USUAL
) -> list[Path]:
    """Write ``results.csv``, ``figure.svg``, ``figure.png`` and ``page.html`` of ``experiment`` into ``folder``, each
    atomically, the page last, and return their paths. Equal cells give equal bytes.

    ``cells``: rows of table ``experiment_cell``. Raises :class:`KeyError` for an unknown experiment.
    """
    found = findings(cells, experiment, is_synthetic, display)
    picture = blocks.picture(found)
    write_text(folder / CSV, results_csv(found))
    write_text(folder / SVG, standalone_svg(picture.svg))
    write_bytes(folder / PNG, png(draw(found)))
    write_text(folder / PAGE, _render(found, picture))
    return [folder / name for name in (CSV, SVG, PNG, PAGE)]


@dataclass(frozen=True)
class _Beside(Picture):
    """The figure of the page, which lies beside it."""

    @property
    def file(self) -> str:
        """Path of the figure, relative to the page."""
        return SVG


@dataclass(frozen=True)
class _Printed(Table):
    """A table of the page: that of the results is also a file."""

    @property
    def file(self) -> str:
        """Path of the table as CSV, relative to the page; empty where it has none."""
        return CSV if self.name == "results" else ""


def _sections(found: Findings, picture: Picture) -> list[Section]:
    """Return the sections of the page."""
    quoted = [_printed(blocks.published_table(found), "preprint"), Words([blocks.NOT_COMPARABLE])]
    ours = [
        *blocks.words(found),
        _Beside(picture.svg, picture.title, picture.caption),
        _printed(blocks.results_table(found), "results"),
        _printed(blocks.differences_table(found), "differences"),
    ]
    without = _printed(blocks.without_table(found), "without")
    return [
        Section("preprint", "What the preprint did and found", quoted if found.about.found else [], found.about.did),
        Section("ours", found.ours.capitalize(), ours, found.counts_text),
        *([Section("without", "Cells without an AUC", [without])] if without.rows else []),
        Section("use", "Limits", [Words(LIMITS, listed=True)]),
    ]


def _printed(table: Table, name: str) -> Table:
    return _Printed(name, table.caption, table.columns, table.rows, table.folded, table.note)


def _render(found: Findings, picture: Picture) -> str:
    repeats = f"Repeats {found.about.place} of the preprint, {SOURCES['preprint']}."
    return template("experiment.html.j2").render(
        title=found.about.title,
        stamp=repeats if found.about.place else "An experiment of this project.",
        note=intended_use.SYNTHETIC_NOTE if found.is_synthetic else "",
        sections=_sections(found, picture),
        style=style(),
    )

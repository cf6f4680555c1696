"""The work of `echomort paper`: what a paper takes from a finished project."""

from pathlib import Path

from assets.evaluation.evaluation import EVALUATION
from assets.evaluation.report import REPORT
from assets.project import Project
from assets.serving.model_card import MODEL_CARD
from assets.status import asset_states
from echomort.core.errors import UserError
from echomort.report.build import make_page
from echomort.report.model_card import TEMPLATES
from echomort.report.paper.folder import require_place, write_paper
from echomort.report.paper.methods import Origin
from echomort.settings import Settings
from warehouse.reads.report.report_data import report_data

USABLE = frozenset({"up to date", "unchecked"})
"""States in which an asset is what the tables and settings at hand make of it."""


def export_paper(settings: Settings, folder: Path) -> list[str]:
    """Write ``folder`` (see :func:`~echomort.report.paper.folder.write_paper`) and return the paths in it. Nothing is
    run. Raises :class:`UserError` where the report or the model card is missing or stale."""
    from echomort.reader_study.section import reader_section

    require_place(folder)
    project = Project(home=str(settings.home))
    require_finished(project)
    with project.reader() as connection:
        data = report_data(connection, settings, project.keyring.key_id)
    origin = Origin(settings.preset, {stage.name: stage.code[:12] for stage in (EVALUATION, REPORT)})
    card = {name: (settings.home / "report" / name).read_bytes() for name in TEMPLATES}
    return write_paper(make_page(data, reader_section(data.reader_study)), origin, card, folder)


def require_finished(project: Project) -> None:
    """Raise :class:`UserError` unless the report and the model card are there and of the tables at hand."""
    states = {row["asset"]: row for row in asset_states(project)}
    for name in (REPORT.name, MODEL_CARD.name):
        row = states[name]
        if row["state"] == "missing":
            raise UserError(f"there is no {name} yet: nothing was evaluated", "make it with `echomort run`")
        if row["state"] not in USABLE:
            raise UserError(f"the {name} is {row['state']}: {row['why']}", "renew it with `echomort run`")

"""The work of `echomort compare`: reads two projects."""

from pathlib import Path

import pandas as pd

from echomort.core.errors import UserError
from echomort.core.keys import KEY_ID_FILE
from echomort.report.comparison import Side
from echomort.report.numbers import Numbers
from echomort.settings import CONFIG_NAME, load_settings
from echomort.vocabulary.roles import DEVELOPMENT
from warehouse.project import Project


def read_side(home: Path) -> Side:
    """Return what is compared of the project at ``home``. Raises :class:`UserError` where there is none, or where it
    was not evaluated."""
    project = Project(home)
    metrics = project.metrics()
    if metrics.empty:
        raise UserError(f"{home} was not evaluated yet", "finish it with `echomort run`")
    settings = load_settings(project.home / CONFIG_NAME, {"home": str(project.home)}, environment={})
    evaluation = settings.evaluation
    return Side(
        {"preset": settings.preset} | {key: value for key, value, *_ in settings.provenance()},
        project.table("attrition").sort_values("step"),
        Numbers(metrics, evaluation.suppress_below_events, evaluation.confidence),
        (project.home / KEY_ID_FILE).read_text().strip(),
        _scored(project),
    )


def _scored(project: Project) -> pd.DataFrame:
    people = project.cohort(DEVELOPMENT)
    people = people[people["headline"].astype(bool) & people["label"].notna()]
    scores = project.scores().dropna(subset="logit")
    return scores.merge(people[["study_key", "label"]], on="study_key")[["study_key", "model", "label", "logit"]]

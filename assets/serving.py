"""Serving: candidates, and the champion that predicts."""

import dagster as dg

from assets.imaging import VIEW_CLASSIFIER
from assets.incremental import Build, Built, Stage, described, rebuild_after
from assets.project import Project
from assets.training import EHR_MODEL, STACKS, VIEW_MODELS
from echomort.fingerprint import digest
from warehouse import ledger
from warehouse.queries import run

CHAMPION = Stage(
    "champion",
    ("clip_views", "view_models", "ehr_models", "fusion", "evaluation"),
    ("echomort/registry.py", "echomort/promotion.py", "echomort/models"),
    lambda settings: (settings.promotion, settings.imaging.clip),
)


@dg.asset(**described(CHAMPION, "serving", "safetensors"))
def champion(project: Project) -> dg.MaterializeResult:
    """The models of this run as a candidate, and as champion if it is no worse on the same held-out patients."""
    from echomort.promotion import Run, consider

    def work() -> Build:
        with project.reader() as connection:
            views = {
                unit.partition("/")[2]: project.root / str(entry.artifact)
                for unit, entry in ledger.entries(connection, VIEW_MODELS.name).items()
            }
            scores = run(connection, "marts/promotion_scores.sql").df()
            metrics = run(connection, "marts/headline.sql").df()
        ehr, stacks, classifier = (project.root / part for part in (EHR_MODEL, STACKS, VIEW_CLASSIFIER))
        made = Run(views, ehr, stacks, classifier, scores, metrics)
        found = consider(made, project.settings)
        shown = {"candidate": found.candidate, "promoted": found.decision.promoted}
        shown |= {"why": "; ".join(found.decision.reasons)}
        return lambda connection: Built(digest(found.champion), shown, "registry/champion.json")

    return rebuild_after(project, CHAMPION, work)

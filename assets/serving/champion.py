"""The models of this run as a candidate, and the champion that predicts."""

from assets.imaging.clip_views import VIEW_CLASSIFIER
from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from assets.training.ehr_models import EHR_MODEL
from assets.training.fusion import STACKS
from assets.training.view_models import VIEW_MODELS
from echomort.core.fingerprint import digest
from warehouse import ledger
from warehouse.queries import run
from warehouse.reads.evaluation.headline import headline

CHAMPION = Stage(
    "champion",
    ("cohort", "clip_views", "view_models", "ehr_models", "fusion", "evaluation"),
    lambda settings: {"promotion": settings.promotion, "imaging.clip": settings.imaging.clip},
)


@whole_asset(CHAMPION, "serving", "safetensors")
def champion(project: Project) -> Result:
    """The models of this run as a candidate, and as champion if it is no worse on the same held-out patients.

    Never where a model or a variable is too good to be true.
    """
    from echomort.champion.promotion import Run, submit_run
    from echomort.evaluation.suspicions import suspicion_words

    def work() -> Build:
        with project.reader() as connection:
            views = {
                unit.partition("/")[2]: project.root / str(entry.artifact)
                for unit, entry in ledger.entries(connection, VIEW_MODELS.name).items()
            }
            scores = run(connection, "reads/evaluation/promotion_scores.sql").df()
            metrics = headline(connection)
            suspected = run(connection, "reads/evaluation/suspicions.sql").df()
        ehr, stacks, classifier = (project.root / part for part in (EHR_MODEL, STACKS, VIEW_CLASSIFIER))
        suspicions = tuple(suspicion_words(row) for row in suspected.itertuples(index=False))
        made = Run(views, ehr, stacks, classifier, scores, metrics, suspicions)
        found = submit_run(made, project.settings)
        shown = {"candidate": found.candidate, "promoted": found.decision.promoted}
        shown |= {"why": "; ".join(found.decision.reasons)}
        return lambda connection: Built(digest(found.champion), shown, "registry/champion.json")

    return rebuild_after(project, CHAMPION, work)

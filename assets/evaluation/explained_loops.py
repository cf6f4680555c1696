"""What the risks of the report's example loops rest on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from echomort.core.fingerprint import digest_file
from warehouse import ledger
from warehouse.queries import run

if TYPE_CHECKING:
    import pandas as pd

FILE = "models/explained_loops.json"
"""Where the maps lie, below the home."""

EXPLAINED_LOOPS = Stage(
    "explained_loops",
    ("clips", "clip_views", "cohort", "view_models"),
    lambda settings: {"evaluation.explain_loops": settings.evaluation.explain_loops},
    chosen=lambda settings: {"echomort.networks": [settings.training.network]},
)


@whole_asset(EXPLAINED_LOOPS, "evaluation", "pytorch", pool="gpu")
def explained_loops(project: Project) -> Result:
    """What the risk of each example loop of the report rests on, by a network that did not learn from its patient."""
    from echomort.explain.loops import explain_in_child
    from echomort.explain.maps import write_maps

    def work() -> Build:
        loops = _loops(project)
        found = explain_in_child(loops, project.root)
        write_maps(found, project.root / FILE)
        version = digest_file(project.root / FILE)
        return lambda connection: Built(version, {"loops": len(found)}, FILE)

    return rebuild_after(project, EXPLAINED_LOOPS, work)


def _loops(project: Project) -> "pd.DataFrame":
    """Return the example loops with the models of their views; none where the settings ask for none."""
    with project.reader() as connection:
        examples = run(connection, "reads/report/report_examples.sql").df()
        models = _models(ledger.entries(connection, "view_models"), project.settings.training.network)
    rows = examples.assign(model=examples["view"].map(models)).dropna(subset="model")
    return rows if project.settings.evaluation.explain_loops else rows.head(0)


def _models(entries: Mapping[str, ledger.Entry], network: str) -> dict[str, str]:
    """Return view -> folder of its models of ``network``."""
    named = {unit.partition("/"): entry.artifact for unit, entry in entries.items()}
    return {view: artifact for (of, _, view), artifact in named.items() if of == network and artifact}

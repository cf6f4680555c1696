"""The jobs: parts of the one graph."""

import dagster as dg

from assets.experiments.stages import asset_name
from echomort.experiments.cells import GRIDS
from orchestration.executor import in_process

groups = dg.AssetSelection.groups

everything = dg.define_asset_job(
    "everything", dg.AssetSelection.all(), description="The whole graph: `echomort run` takes its assets from it."
)
RECORDS = groups("sources", "records")
"""What is made without decoding or training."""

records = dg.define_asset_job(
    "records",
    RECORDS,
    description="The health records alone, in one process: it is made in seconds, and so are its steps.",
    executor_def=in_process,
)
rebuild_all = dg.define_asset_job(
    "rebuild_all",
    dg.AssetSelection.all() - groups("experiments"),
    description="Everything that is stale, but for the experiments of the preprint.",
)
ingest = dg.define_asset_job(
    "ingest",
    groups("sources", "records", "imaging", "prediction"),
    description="New files and records, up to clips, features and the champion's risks.",
)
retrain = dg.define_asset_job(
    "retrain",
    groups("training", "evaluation", "serving", "prediction"),
    description="Models, their evaluation, the champion and its risks.",
)
evaluate = dg.define_asset_job("evaluate", groups("evaluation"), description="The evaluation and the report.")
experiments = [
    dg.define_asset_job(
        f"run_{asset_name(name)}",  # a job may not have the name of an asset that is a graph of steps
        dg.AssetSelection.assets(asset_name(name)).upstream().required_multi_asset_neighbors(),
        description="One experiment of the preprint, and what it is made from.",
    )
    for name in GRIDS
]

JOBS = [everything, records, rebuild_all, ingest, retrain, evaluate, *experiments]

"""The jobs: parts of the one graph."""

import dagster as dg

groups = dg.AssetSelection.groups

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

JOBS = [rebuild_all, ingest, retrain, evaluate]

"""The experiments as assets."""

import dagster as dg

from assets.experiments.stages import experiment_stage
from assets.experiments.study import of_studies
from assets.incremental import UnitStage, unit_asset
from echomort.experiments.cells import figure2, figure3, figure5, flow, inputs, resolution, study, table1

CLIPS = ("clips", "clip_views", "cohort")
RECORDS = ("clinical_features",)

FIGURE2 = experiment_stage(figure2, *CLIPS)
FIGURE3 = experiment_stage(figure3, *CLIPS)
TABLE1 = experiment_stage(table1, *CLIPS, *RECORDS)
FIGURE5 = experiment_stage(figure5, *CLIPS, *RECORDS)
RESOLUTION = experiment_stage(resolution, *CLIPS, "clips_by_reduction")
FLOW = experiment_stage(flow, *CLIPS, "flow")
INPUTS = experiment_stage(inputs, *CLIPS, "clips_by_source")
STUDY = experiment_stage(study, *CLIPS, "view_models", "fusion", "encoder_models", kind=of_studies)


def _asset(stage: UnitStage, description: str) -> dg.AssetsDefinition:
    return unit_asset(stage, description, "experiments", "pytorch", pool="gpu")


experiment_figure2 = _asset(FIGURE2, "Figure 2: every view with every network.")
experiment_figure3 = _asset(FIGURE3, "Figure 3: every view at every horizon.")
experiment_table1 = _asset(TABLE1, "Table 1: no video, one view and all views, with and without the health record.")
experiment_figure5 = _asset(FIGURE5, "Figure 5: the learning curve over nested subsets of the patients.")
experiment_resolution = _asset(RESOLUTION, "Ext. figure 4: every view, its pictures reduced by 1 to 4.")
experiment_flow = _asset(FLOW, "Ext. figure 5: every view without and with its optical flow.")
experiment_inputs = _asset(INPUTS, "Every view from raw and from annotated video.")
experiment_study = _asset(
    STUDY, "Whole studies: a model with attention over all clips, beside each view and the stack."
)

"""The assets of the graph and their stages, inputs first."""

from types import ModuleType

from assets.evaluation import evaluation, explained_loops, external_scores, report
from assets.experiments import experiments
from assets.imaging import clip_views, clips, dicom_index, flow, linkage, variants
from assets.incremental import Stage
from assets.prediction import risk_scores
from assets.records import clinical_features, clinical_scores, cohort, health_records, outcomes
from assets.serving import champion, model_card
from assets.sources import dicom_archive, ehr_extract
from assets.training import (
    clip_embeddings,
    ehr_baselines,
    ehr_models,
    encoder_models,
    fusion,
    motion_controls,
    permuted_null,
    view_models,
)

MODULES: tuple[ModuleType, ...] = (
    *(dicom_archive, ehr_extract),
    *(health_records, outcomes, cohort, clinical_features, clinical_scores),
    *(dicom_index, linkage, clips, clip_views, variants, flow),
    *(view_models, ehr_models, ehr_baselines, fusion, permuted_null, motion_controls),
    *(clip_embeddings, encoder_models),
    experiments,
    *(external_scores, evaluation, explained_loops, report),
    *(champion, model_card, risk_scores),
)
"""The module of each asset, inputs first."""

STAGES: tuple[Stage, ...] = tuple(
    {value.name: value for module in MODULES for value in vars(module).values() if isinstance(value, Stage)}.values()
)
"""Every stage, inputs first."""

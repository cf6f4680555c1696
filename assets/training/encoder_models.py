"""Linear models on the embeddings of the encoders that the site brings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from assets.training.clip_embeddings import CLIP_EMBEDDINGS
from assets.training.samples import commit_scores, read
from echomort.core.fingerprint import digest
from echomort.vocabulary.model_names import encoder_model
from warehouse import ledger
from warehouse.queries import run

if TYPE_CHECKING:
    from echomort.encoders.head import Head

HEADS = "models/encoders"
"""Path of the linear models below the home."""

ENCODER_MODELS = Stage(
    "encoder_models",
    ("clip_embeddings", "cohort"),
    lambda settings: {"encoders.ridge": settings.encoders.ridge},
)


@dataclass(frozen=True)
class Embedded:
    """The followed studies with clips: ``keys`` (study_key, patient_key, fold, label), and the mean ``embeddings`` of
    their clips, float64 (studies, numbers), in this order."""

    keys: pd.DataFrame
    embeddings: np.ndarray


@whole_asset(ENCODER_MODELS, "training", "sklearn")
def encoder_models(project: Project) -> Result:
    """Logistic regression on the mean embedding of a study's clips, of each encoder, in nested cross-validation."""
    from echomort.encoders.head import fit_head, save_heads
    from echomort.models.rows import LabelledRows, TooFewRowsError

    def work() -> Build:
        heads: dict[str, Head] = {}
        embedded, reasons = dict(embedded_studies(project)), {}
        for encoder, found in embedded.items():
            try:
                rows = LabelledRows.of(*(found.keys[name].tolist() for name in ("label", "fold", "patient_key")))
                heads[encoder] = fit_head(found.embeddings, rows, project.settings.encoders.ridge)
            except TooFewRowsError as error:
                reasons[encoder] = str(error)
        save_heads(heads, project.root / HEADS)

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            run(connection, "tables/score/forget_kind.sql", prefix=encoder_model(""))
            built = [
                commit_scores(connection, {encoder_model(encoder): head.scores}, embedded[encoder].keys, HEADS)
                for encoder, head in heads.items()
            ]
            shown = {name: value for one in built for name, value in one.details.items()}
            shown |= {f"reason, {encoder}": reason for encoder, reason in reasons.items()}
            return Built(digest([one.digest for one in built], reasons), shown, HEADS)

        return commit

    return rebuild_after(project, ENCODER_MODELS, work)


def embedded_studies(project: Project) -> Iterator[tuple[str, Embedded]]:
    """Yield each encoder of which there are embeddings, with the studies that its model learns from or scores."""
    from echomort.encoders.head import pooled
    from echomort.encoders.store import read_embeddings

    studies = read(project, "reads/training/followed_studies.sql")
    with project.reader() as connection:
        entries = ledger.entries(connection, CLIP_EMBEDDINGS.name)
    for encoder in sorted({unit.partition("/")[0] for unit in entries}):
        made = {key: entries[unit] for key in studies["study_key"] if (unit := f"{encoder}/{key}") in entries}
        found = ((key, read_embeddings(project.root / str(entry.artifact))) for key, entry in made.items())
        means = {key: pooled(embeddings) for key, embeddings in found if embeddings}
        if means:
            keys = studies[studies["study_key"].isin(means)].reset_index(drop=True)
            yield encoder, Embedded(keys, np.stack([means[key] for key in keys["study_key"]]))

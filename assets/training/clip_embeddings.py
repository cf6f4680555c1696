"""What the encoders that the site brings make of every clip. Each study is a unit of each encoder."""

from collections.abc import Sequence

import dagster as dg
import duckdb

from assets.imaging.stored import stored_clips
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from echomort.core.fingerprint import digest
from echomort.encoders import store
from echomort.encoders.spec import check_encoders, read_specs
from echomort.encoders.task import EmbeddingTask, StudyClips, embed_in_children
from warehouse.ledger import Entry


def plan_embeddings(project: Project, recipe: str) -> dict[str, str]:
    """Return encoder/study key -> fingerprint: the recipe, the encoder's weights and input, and the study's clips."""
    specs = read_specs(project.settings.encoders)
    clips = stored_clips(project) if specs else {}
    return {
        f"{name}/{study_key}": digest(recipe, spec.digest, entry.digest)
        for name, spec in specs.items()
        for study_key, entry in clips.items()
    }


def prepare_encoders(project: Project, stale: Sequence[str]) -> None:
    """Raise :class:`UserError` where there is work, and a licence is not accepted or weights are not those named."""
    if stale:
        check_encoders(project.settings.encoders)


def embed_clips(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Embed the clips of some studies into one file each; studies that a killed run finished are not encoded again."""
    plan, clips = plan_embeddings(project, CLIP_EMBEDDINGS.how(project)), stored_clips(project)
    entries = []
    for name, spec in read_specs(project.settings.encoders).items():
        of_encoder = [unit for unit in units if unit.partition("/")[0] == name]
        studies = {unit: _study(name, str(clips[unit.partition("/")[2]].artifact), plan[unit]) for unit in of_encoder}
        left = tuple(one for one in studies.values() if not _is_made(project, one))
        context.log.info(f"encoder {name}: {len(left)} of {len(studies)} studies to encode")
        task = EmbeddingTask(home=project.root, encoder=spec, fps=project.settings.imaging.clip.fps, studies=left)
        embed_in_children(task, project.settings.encoders.cores)
        entries += [_entry(project, unit, one) for unit, one in studies.items()]
    return entries


def _study(encoder: str, clips: str, fingerprint: str) -> StudyClips:
    return StudyClips(clips=clips, embeddings=store.artifact_of(encoder, clips), fingerprint=fingerprint)


def _is_made(project: Project, study: StudyClips) -> bool:
    return store.is_made_from(project.root / study.embeddings, study.fingerprint)


def _entry(project: Project, unit: str, study: StudyClips) -> Entry:
    content = store.content_digest(store.read_embeddings(project.root / study.embeddings))
    return Entry(unit, study.fingerprint, content, study.embeddings)


def commit_embeddings(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Write nothing: the files are the result, and the ledger names them."""


CLIP_EMBEDDINGS = UnitStage(
    "clip_embeddings",
    ("clips",),
    lambda settings: {"imaging.clip.fps": settings.imaging.clip.fps},
    plan=plan_embeddings,
    prepare=prepare_encoders,
    work=embed_clips,
    commit=commit_embeddings,
)

clip_embeddings = unit_asset(
    CLIP_EMBEDDINGS,
    "What the encoders that the site brings make of every clip; nothing where it brings none.",
    "training",
    "pytorch",
    "safetensors",
    pool="gpu",
)

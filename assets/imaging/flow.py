"""The optical flow of every accepted clip: a variant of the clips, in colours. Each study is a unit."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from assets.imaging.progress import counts_by_reason
from assets.imaging.stored import stored_clips
from assets.imaging.variants import GROUP, commit_variants
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from echomort.clips import optical_flow, store
from echomort.core.counting import counted
from echomort.core.fingerprint import digest
from warehouse.ledger import Entry

VARIANT = "flow"
"""Name of the variant, and of its folder below that of the clips."""


def plan_flow(project: Project, recipe: str) -> dict[str, str]:
    """Return flow/study key -> fingerprint: that of the study's clips, and the recipe."""
    return {_unit(study_key): digest(recipe, entry.digest) for study_key, entry in stored_clips(project).items()}


def prepare_flow(project: Project, stale: Sequence[str]) -> None:
    """Raise :class:`UserError` where there is work and OpenCV is not installed."""
    if stale:
        optical_flow.require_opencv()


def make_flow(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Compute the flow of the clips of some studies into one file each; studies that a killed run finished are not
    computed again."""
    plan, clips = plan_flow(project, FLOW.how(project)), stored_clips(project)
    chosen = {unit: str(clips[unit.partition("/")[2]].artifact) for unit in units}
    return [
        _made(project, unit, plan[unit], artifact)
        for unit, artifact in counted(chosen.items(), len(chosen), context.log.info)
    ]


def count_flow(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many clips have a flow, and how many files gave no clip, by reason."""
    return counts_by_reason(connection, "reads/counts/variant_reasons.sql", variants=[VARIANT])


def _made(project: Project, unit: str, fingerprint: str, clips: str) -> Entry:
    artifact = clips.replace(store.FOLDER, f"{store.FOLDER}/{VARIANT}", 1)
    found = store.find_study(project.root, artifact, fingerprint)
    if found is None:
        fps = project.settings.imaging.clip.fps
        pixels, rows = store.read_study(project.root / clips), store.read_rows(project.root / clips)
        flow = {key: optical_flow.flow_colours(clip, fps) for key, clip in pixels.items()}
        digests = {key: digest(colours.tobytes()) for key, colours in flow.items()}
        rows = [row | {"digest": digests.get(row["clip_key"])} for row in rows]
        store.write_study(project.root / artifact, flow, rows, fingerprint)
        found = store.Written(artifact, digest(rows), fingerprint)
    return Entry(unit, fingerprint, found.digest, artifact)


def _unit(study_key: str) -> str:
    return f"{VARIANT}/{study_key}"


FLOW = UnitStage(
    "flow",
    ("clips",),
    lambda settings: {"imaging.clip.fps": settings.imaging.clip.fps},
    plan=plan_flow,
    prepare=prepare_flow,
    work=make_flow,
    commit=commit_variants,
    show=count_flow,
    on_request=lambda settings: "flow" not in settings.experiments.keep,
)

flow = unit_asset(
    FLOW, "The dense optical flow of every clip: direction as hue, speed as value.", GROUP, "opencv", "safetensors"
)

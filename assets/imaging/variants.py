"""The clips of experiments: the same loops once more, raw and annotated, or at other reductions.

Each variant of a study is a unit, ``<variant>/<study key>``, with a file of its own below ``clips/<variant>``. A
variant that equals the project's own clips is not made again: the project's clips are it.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.imaging.progress import counts_by_reason
from assets.imaging.shapes import project_clip
from assets.imaging.studies import make_studies, plan_studies, settled
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from echomort.clips import store
from echomort.core.fingerprint import digest
from echomort.experiments.cells import REDUCTIONS, SOURCES
from echomort.settings import ClipSettings, ExperimentName, Settings
from warehouse.ledger import Entry
from warehouse.tables.archive import instances

Variants = Callable[[ClipSettings], Mapping[str, ClipSettings]]
"""Returns the variants of a project's clips, by name."""
GROUP = "experiments"
PUBLISHED_REDUCTION = 4
"""With fit ``inside``, the project's height and width count as reduced by this: the preprint's factor (p. 20)."""
VARIED = {"source", "height", "width", "reduction"}
"""Settings of which the variant's own count, not the project's."""


def by_source(clip: ClipSettings) -> dict[str, ClipSettings]:
    """Return the two kinds of video: ``raw`` and ``annotated``."""
    return {source: clip.model_copy(update={"source": source}) for source in SOURCES}


def by_reduction(clip: ClipSettings) -> dict[str, ClipSettings]:
    """Return the reductions, ``reduction_1`` to ``reduction_4``.

    With fit ``view_size`` each is the setting; with ``inside`` height and width grow as they would with that factor.

    >>> [one.shape for one in by_reduction(ClipSettings()).values()]
    [(60, 436, 600), (60, 218, 300), (60, 145, 200), (60, 109, 150)]
    """
    return {f"reduction_{factor}": _reduced(clip, factor) for factor in REDUCTIONS}


def _reduced(clip: ClipSettings, factor: int) -> ClipSettings:
    if clip.fit == "view_size":
        return clip.model_copy(update={"reduction": factor})
    sides = {"height": clip.height, "width": clip.width}
    return clip.model_copy(update={name: round(side * PUBLISHED_REDUCTION / factor) for name, side in sides.items()})


def own_variants(settings: Settings) -> frozenset[str]:
    """Return the variants that equal the project's own clips, which are not made again."""
    clip = settings.imaging.clip
    variants = by_source(clip) | by_reduction(clip)
    return frozenset(name for name, variant in variants.items() if variant.deciding == clip.deciding)


def plan_variants(variants: Variants, project: Project, recipe: str) -> dict[str, str]:
    """Return variant/study key -> fingerprint, of the variants other than the project's own clips."""
    clip, own = project_clip(project), own_variants(project.settings)
    plan = {
        f"{name}/{study_key}": fingerprint
        for name, variant in variants(clip).items()
        if name not in own
        for study_key, fingerprint in plan_studies(project, variant, _how(recipe, variant)).items()
    }
    return settled(project, "reads/clips/hampered_variants.sql", plan)


def make_variants(
    stage: str, variants: Variants, project: Project, units: Sequence[str], context: dg.OpExecutionContext
) -> list[Entry]:
    """Decode the files of some studies, once for each of their variants."""
    recipe, entries = STAGES[stage].how(project), list[Entry]()
    for name, variant in variants(project_clip(project)).items():
        studies = [unit.partition("/")[2] for unit in units if unit.partition("/")[0] == name]
        if studies:
            plan = plan_studies(project, variant, _how(recipe, variant), studies)
            made = make_studies(project, variant, f"{store.FOLDER}/{name}", plan, context)
            entries += [Entry(f"{name}/{one.unit}", one.fingerprint, one.digest, one.artifact) for one in made]
    return entries


def commit_variants(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of rebuilt units and delete those of removed units."""
    rows = [row for entry in made for row in _rows(project, entry)]
    units = [*gone, *(entry.unit for entry in made)]
    instances.replace_variants(connection, units, pd.DataFrame(rows, columns=list(instances.VARIANT)))


def count_variants(variants: Variants, connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many files of each variant gave a clip, and how many were rejected, by reason."""
    names = list(variants(project.settings.imaging.clip))
    return counts_by_reason(connection, "reads/counts/variant_reasons.sql", variants=names)


def _how(recipe: str, variant: ClipSettings) -> str:
    return digest(recipe, {name: value for name, value in variant.deciding.items() if name in VARIED})


def _rows(project: Project, entry: Entry) -> list[dict[str, Any]]:
    path, variant = project.root / str(entry.artifact), entry.unit.partition("/")[0]
    shapes = store.read_shapes(path)
    return [
        {"variant": variant}
        | {name: row.get(name) for name in instances.VARIANT[1:-3]}
        | dict(zip(instances.VARIANT[-3:], shapes.get(row["clip_key"], (None,) * 3), strict=False))
        for row in store.read_rows(path)
    ]


def _decided_by(settings: Settings) -> dict[str, Any]:
    deciding = settings.imaging.clip.deciding
    clip = {name: value for name, value in deciding.items() if name not in VARIED}
    return {"imaging.clip": clip, "imaging.frame_rates": settings.imaging.frame_rates}


def _stage(name: str, variants: Variants, experiment: ExperimentName) -> UnitStage:
    return UnitStage(
        name,
        ("dicom_index", "linkage"),
        _decided_by,
        plan=functools.partial(plan_variants, variants),
        work=functools.partial(make_variants, name, variants),
        commit=commit_variants,
        show=functools.partial(count_variants, variants),
        on_request=lambda settings: experiment not in settings.experiments.keep,
        resources=frozenset({"pipes"}),
        cluster_batch=lambda cluster: cluster.studies,
    )


CLIPS_BY_SOURCE = _stage("clips_by_source", by_source, "inputs")
CLIPS_BY_REDUCTION = _stage("clips_by_reduction", by_reduction, "resolution")
STAGES = {stage.name: stage for stage in (CLIPS_BY_SOURCE, CLIPS_BY_REDUCTION)}

clips_by_source = unit_asset(
    CLIPS_BY_SOURCE,
    "The kind of clips that the project does not use: of native data, or of the pixels as displayed.",
    GROUP,
    "dicom",
    "safetensors",
)
clips_by_reduction = unit_asset(
    CLIPS_BY_REDUCTION, "The clips reduced by 1, 2, 3 and 4, to compare resolutions.", GROUP, "dicom", "safetensors"
)

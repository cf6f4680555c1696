"""Assets made of units (a folder, a study, a view), each rebuilt alone: plan, work, commit."""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import dagster as dg
import duckdb

from assets.incremental.stage import Stage, committed_files, described, is_up_to_date
from assets.incremental.tables import table_metadata
from assets.project import Project
from echomort.core.fingerprint import digest
from echomort.core.once import reading_once
from echomort.settings import Cluster, Execution
from warehouse import ledger
from warehouse.ledger import Entry

Planned: TypeAlias = dg.DynamicOutput[list[str]] | dg.Output[list[str]]
"""A batch of stale units, or the removed units."""
Made: TypeAlias = list[dict[str, Any]]
"""The ledger's entries of a batch, as JSON."""
BATCH = 256
"""Units in one dynamic step. Our choice: minutes of work, so that the seconds to start a step do not matter."""


MOST_UNITS = "echomort/most_units."
"""Run tag, before the name of an asset: how many of its stale units the run makes at most; the others stay stale."""
_STAGES: "dict[str, UnitStage]" = {}
"""The stages of this module's kind by name."""


@dataclass(frozen=True)
class UnitStage(Stage):
    """An asset made of units, each rebuilt alone.

    ``plan`` returns unit -> fingerprint of all units that should exist, from the digest of the recipe. ``prepare`` gets
    the stale units before any work. ``work`` makes the artifacts of some units, each whole or absent, and returns their
    ledger entries. ``commit`` writes the rows of these units and deletes those of removed units, in the transaction
    that writes the ledger. ``show`` returns counts for the metadata; ``draw``, whose code decides no result,
    returns pictures and figures of the units (unit -> entry). ``batch``: units in one step; ``cluster_batch``: where a
    cluster does the work, with None the same.
    """

    plan: Callable[[Project, str], Mapping[str, str]] = field(kw_only=True)
    work: Callable[[Project, Sequence[str], dg.OpExecutionContext], list[Entry]] = field(kw_only=True)
    commit: Callable[[duckdb.DuckDBPyConnection, Project, Sequence[Entry], Sequence[str]], None] = field(kw_only=True)
    show: Callable[[duckdb.DuckDBPyConnection, Project], Mapping[str, Any]] = field(
        default=lambda connection, project: {}, kw_only=True
    )
    draw: Callable[[Project, Mapping[str, Entry]], Mapping[str, Any]] = field(
        default=lambda project, entries: {}, kw_only=True
    )
    prepare: Callable[[Project, Sequence[str]], None] = field(default=lambda project, stale: None, kw_only=True)
    resources: frozenset[str] = field(default=frozenset(), kw_only=True)
    batch: int = field(default=BATCH, kw_only=True)
    cluster_batch: Callable[[Cluster], int] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Declare the functions that do the work."""
        self.carried_out_by(self.plan, self.prepare, self.work, self.commit, self.show)
        _STAGES[self.name] = self

    def batch_size(self, execution: Execution) -> int:
        """Return how many units one step makes."""
        if execution.on_cluster and self.cluster_batch:
            return self.cluster_batch(execution.cluster)
        return self.batch

    def how(self, project: Project) -> str:
        """Return the digest of the current recipe."""
        return digest(self.recipe(project.settings))


def unit_asset(
    stage: UnitStage, description: str, group: str, *kinds: str, pool: str | None = None
) -> dg.AssetsDefinition:
    """Return the asset of ``stage``: a graph of ``plan``, one ``work`` for each batch of stale units, and ``commit``.

    The executor decides where the work runs. Steps pass on names and digests of units, as JSON.
    """
    plan, work, commit = _plan(stage), _work(stage, pool), _commit(stage)

    def compose(**upstream: Any) -> Any:
        batches, gone = plan(**upstream)
        return commit(batches.map(work).collect(), gone)

    names = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in stage.upstream]
    compose.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    about = described(stage, group, *kinds) | {"description": description}
    about["ins"] = {name: dg.AssetIn(dagster_type=dg.Nothing) for name in about.pop("deps")}
    del about["pool"]
    asset: dg.AssetsDefinition = dg.graph_asset(**about)(compose)
    return asset


def _plan(stage: UnitStage) -> dg.OpDefinition:
    """Return the step that finds the stale units and splits them into batches."""

    @dg.op(
        name=f"{stage.name}__plan",
        pool="warehouse",
        ins={name: dg.In(dg.Nothing) for name in stage.upstream},
        out={"batches": dg.DynamicOut(list), "gone": dg.Out(list)},
    )
    def plan(context: dg.OpExecutionContext, project: Project) -> Iterator[Planned]:
        with reading_once():
            stale, gone, up_to_date = stale_units(project, stage)
            most = context.run.tags.get(MOST_UNITS + stage.name)
            chosen = stale if most is None else stale[: int(most)]
            later = f", {len(stale) - len(chosen)} of them left for later" if len(chosen) < len(stale) else ""
            context.log.info(f"{len(stale)} stale{later}, {up_to_date} up to date, {len(gone)} removed")
            with stage.working():
                stage.prepare(project, chosen)
        size = stage.batch_size(project.settings.execution)
        count = math.ceil(len(chosen) / size)
        for number, start in enumerate(range(0, len(chosen), size), 1):
            batch = chosen[start : start + size]
            place = f"{number:05d}_of_{count:05d}_later_{len(stale) - len(chosen):05d}"
            yield dg.DynamicOutput(batch, mapping_key=place, output_name="batches")
        yield dg.Output(gone, output_name="gone")

    return plan


def _work(stage: UnitStage, pool: str | None) -> dg.OpDefinition:
    """Return the step that makes one batch of units."""
    needed = {"project", *stage.resources}

    @dg.op(name=f"{stage.name}__work", pool=pool, out=dg.Out(list), required_resource_keys=needed)
    def work(context: dg.OpExecutionContext, units: list[str]) -> dg.Output[Made]:
        with stage.working():
            made = stage.work(context.resources.project, units, context)
        return dg.Output([vars(entry) for entry in made])

    return work


def _commit(stage: UnitStage) -> dg.OpDefinition:
    """Return the step that commits the units that were made and deletes those that were removed."""

    @dg.op(name=f"{stage.name}__commit", pool="warehouse")
    def commit(context: dg.OpExecutionContext, project: Project, made: list[Made], gone: list[str]) -> dg.Output[None]:
        shown, version = commit_units(project, stage, [Entry(**entry) for batch in made for entry in batch], gone)
        return dg.Output(None, data_version=dg.DataVersion(version), metadata=shown)

    return commit


def left_after(context: dg.OpExecutionContext) -> tuple[int, int]:
    """Return how many batches of its run follow that of ``context``, and how many units the run leaves for later."""
    key = context.get_mapping_key()
    number, count, later = batch_of(key) if key else (1, 1, 0)
    return count - number, later


def batch_of(mapping_key: str) -> tuple[int, int, int]:
    """Return the number, from 1, of the batch that the step with ``mapping_key`` makes, how many batches its run has,
    and how many units the run leaves for later. Raises ValueError for another key."""
    number, count, later = map(int, re.split("_of_|_later_", mapping_key))
    return number, count, later


def recipe_of(name: str, project: Project) -> str:
    """Return the digest of the current recipe of the stage ``name``."""
    return _STAGES[name].how(project)


def stale_units(project: Project, stage: UnitStage) -> tuple[list[str], list[str], int]:
    """Return the stale units, the removed units, and how many units are up to date."""
    with stage.working():
        expected = dict(stage.plan(project, stage.how(project)))
    kept, gone = 0, []
    with project.reader() as connection:
        for entry in ledger.each_entry(connection, stage.name):
            if entry.unit not in expected:
                gone.append(entry.unit)
            elif is_up_to_date(project.root, entry, expected[entry.unit]):
                del expected[entry.unit]
                kept += 1
    return sorted(expected), gone, kept


def commit_units(
    project: Project, stage: UnitStage, made: Sequence[Entry], gone: Sequence[str]
) -> tuple[Mapping[str, Any], str]:
    """Commit the units ``made`` and delete the removed units ``gone``, in one transaction if there are any.

    Returns the asset's metadata and its data version.
    """
    if made or gone:
        files = {entry.unit: committed_files(project.root, entry) for entry in made}
        with project.writer() as connection, stage.working():
            how = ledger.write_recipe(connection, stage.recipe(project.settings))
            stage.commit(connection, project, made, gone)
            ledger.record(connection, stage.name, [replace(entry, recipe=how) for entry in made])
            ledger.record_files(connection, stage.name, files)
            ledger.forget(connection, stage.name, gone)
    with project.reader() as connection:
        with stage.working():
            version = ledger.asset_digest(connection, stage.name)
            counts = {"units": len(ledger.fingerprints(connection, stage.name)), "made": len(made), "gone": len(gone)}
            shown = counts | dict(stage.show(connection, project))
            entries = ledger.entries(connection, stage.name)
        table = table_metadata(connection, project.settings, stage.name)
    return shown | table | dict(stage.draw(project, entries)), version

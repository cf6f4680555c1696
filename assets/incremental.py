"""Plan, work, commit: the one idea of every asset here, written once.

A *stage* says what decides an asset: its inputs (the assets above it, files) and its *recipe* (a part of the settings,
the code that its work can reach, the libraries that compute it). The digest of both is a unit's *fingerprint*; the
ledger holds the fingerprints of what is there; what differs is stale. The data version of an asset is the digest of its
content, so that a result that comes out the same stops the rebuild there.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pydantic

from assets.project import Project
from echomort.core.code import Code, Reached, keep_meanings
from echomort.core.fingerprint import digest
from echomort.core.registry import code_of_packages
from echomort.settings import Settings
from warehouse import ledger, queries
from warehouse.ledger import Entry

BATCH = 256
"""Units that one dynamic step takes: minutes of work, so that a step's own seconds do not count."""


CODE = Code()
"""The product's code as it is installed; read once a process."""

_WORK: dict[str, tuple[Callable[..., Any], ...]] = {}
"""Stage -> the functions that carry it out."""


@dataclass(frozen=True)
class Stage:
    """What decides the content of the asset ``name``: assets above, settings, inputs outside the graph, and code.

    ``decided_by`` returns the settings, by key; ``chosen`` those registered things, by their folder, that the settings
    choose, where the others do not count. The code is derived from the functions that carry the stage out
    (:meth:`carried_out_by`): what they import, the SQL files they run, and the libraries that compute it.
    """

    name: str
    upstream: tuple[str, ...] = ()
    decided_by: Callable[[Settings], Mapping[str, Any]] = field(default=lambda settings: {})
    inputs: Callable[[Project], Any] = field(default=lambda project: None)
    chosen: Callable[[Settings], Mapping[str, Sequence[str]]] = field(default=lambda settings: {}, kw_only=True)

    def carried_out_by(self, *functions: Callable[..., Any]) -> None:
        """Say which functions carry the stage out."""
        _WORK[self.name] = functions

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions that carry the stage out."""
        return _WORK[self.name]

    def reached(self, settings: Settings | None = None) -> Reached:
        """Return the code that decides the asset: under ``settings``, or under any."""
        chosen = self.chosen(settings) if settings else {}
        return _reached(self.name, tuple((folder, tuple(names)) for folder, names in sorted(chosen.items())))

    @property
    def code(self) -> str:
        """Digest of the code that can decide the asset, libraries included."""
        reached = self.reached()
        return digest(dict(reached.parts), dict(reached.libraries))

    def recipe(self, settings: Settings) -> dict[str, str]:
        """Return what decides the asset apart from its inputs: part -> digest, or version of a library."""
        reached = self.reached(settings)
        parts = {f"library {name}": version for name, version in reached.libraries.items()}
        for folder in reached.registries:
            named = self.chosen(settings).get(folder)
            parts |= {f"package {name}": code for name, code in code_of_packages(folder, named).items()}
        parts |= {f"setting {key}": digest(value) for key, value in flat(self.decided_by(settings))}
        return dict(reached.parts) | parts

    def made_from(self, connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, str]:
        """Return the asset's inputs: digests of the assets above, and of what lies outside the graph."""
        parts = {name: ledger.asset_digest(connection, name) for name in self.upstream}
        outside = self.inputs(project)
        return parts if outside is None else parts | {"input": digest(outside)}

    def fingerprint(self, connection: duckdb.DuckDBPyConnection, project: Project) -> str:
        """Return what the ledger holds of the asset, rebuilt as a whole, when it is up to date."""
        return digest(digest(self.recipe(project.settings)), self.made_from(connection, project))

    def working(self) -> AbstractContextManager[None]:
        """Let the block run the SQL files that the stage's code names, and no others."""
        return queries.only(self.reached().sql)


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every setting in ``value``: sections, mappings and plain values."""
    if isinstance(value, pydantic.BaseModel):
        value = value.model_dump(mode="json")
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from flat(inner, f"{key}.{name}" if key else str(name))


@functools.cache
def _reached(stage: str, chosen: tuple[tuple[str, tuple[str, ...]], ...]) -> Reached:
    functions = [function for function in _WORK[stage] if function.__name__ != "<lambda>"]
    reached = CODE.reached([(function.__module__, function.__name__) for function in functions], dict(chosen))
    keep_meanings()
    return reached


@dataclass(frozen=True)
class Built:
    """What a rebuild made."""

    digest: str
    details: Mapping[str, Any] = field(default_factory=dict)
    artifact: str | None = None


def built_tables(connection: duckdb.DuckDBPyConnection, *tables: str) -> Built:
    """Return the digest and the row counts of ``tables``, just written."""
    found = {table: ledger.table_digest(connection, table) for table in tables}
    counts = {f"{table} rows": rows for table, (_, rows) in found.items()}
    return Built(digest([content for content, _ in found.values()]), counts)


Build = Callable[[duckdb.DuckDBPyConnection], Built]
"""Writes an asset's rows through the connection that it is given; the ledger's entry is written with them."""


def rebuild(project: Project, stage: Stage, build: Build) -> dg.MaterializeResult:
    """Rebuild the asset as a whole, in one transaction, if what decides it changed; else say that it stands."""
    return rebuild_after(project, stage, lambda: build)


def rebuild_after(project: Project, stage: Stage, work: Callable[[], Build]) -> dg.MaterializeResult:
    """Do the same where there is ``work`` to do before the warehouse is opened for writing."""

    def together() -> Callable[[duckdb.DuckDBPyConnection], Sequence[Built]]:
        build = work()
        return lambda connection: [build(connection)]

    return rebuild_together(project, stage, (stage.name,), together)[0]


def rebuild_together(
    project: Project,
    stage: Stage,
    names: Sequence[str],
    work: Callable[[], Callable[[duckdb.DuckDBPyConnection], Sequence[Built]]],
) -> list[dg.MaterializeResult]:
    """Rebuild the assets ``names``, which one transaction makes, if what decides them changed."""
    recipe = stage.recipe(project.settings)
    with project.reader() as connection:
        made_from = stage.made_from(connection, project)
        standing = [ledger.entries(connection, name).get(ledger.WHOLE) for name in names]
    fingerprint = digest(digest(recipe), made_from)
    kept = [entry for entry in standing if entry and _stands(project.root, entry, fingerprint)]
    if len(kept) == len(names):
        return [materialized(name, entry, rebuilt=False) for name, entry in zip(names, kept, strict=True)]
    with stage.working():
        build = work()
    with project.writer() as connection, stage.working():
        how = ledger.write_recipe(connection, recipe)
        made = [
            Entry(
                ledger.WHOLE, fingerprint, built.digest, built.artifact, {**built.details, "made_from": made_from}, how
            )
            for built in build(connection)
        ]
        for name, entry in zip(names, made, strict=True):
            ledger.record(connection, name, [entry])
    return [materialized(name, entry, rebuilt=True) for name, entry in zip(names, made, strict=True)]


def materialized(name: str, entry: Entry, rebuilt: bool) -> dg.MaterializeResult:
    """Return what Dagster is told of an asset that stands."""
    shown = {key: value for key, value in entry.details.items() if key != "made_from"}
    return dg.MaterializeResult(
        asset_key=name, data_version=dg.DataVersion(entry.digest), metadata={**shown, "rebuilt": rebuilt}
    )


def _stands(root: Path, entry: Entry, fingerprint: str | None) -> bool:
    return entry.fingerprint == fingerprint and (entry.artifact is None or (root / entry.artifact).exists())


@dataclass(frozen=True)
class UnitStage(Stage):
    """An asset made of units, each rebuilt alone.

    ``plan`` returns unit -> fingerprint of what should exist, given the digest of the recipe; ``prepare`` sees the
    stale ones before any work; ``work`` makes some units' artifacts, each whole or absent, and returns their entries;
    ``commit`` writes the rows of new units and removes those of units that are gone, in the transaction that records
    them; ``show`` counts.
    """

    plan: Callable[[Project, str], Mapping[str, str]] = field(kw_only=True)
    work: Callable[[Project, Sequence[str], dg.OpExecutionContext], list[Entry]] = field(kw_only=True)
    commit: Callable[[duckdb.DuckDBPyConnection, Project, Sequence[Entry], Sequence[str]], None] = field(kw_only=True)
    show: Callable[[duckdb.DuckDBPyConnection, Project], Mapping[str, Any]] = field(
        default=lambda connection, project: {}, kw_only=True
    )
    prepare: Callable[[Project, Sequence[str]], None] = field(default=lambda project, stale: None, kw_only=True)
    resources: frozenset[str] = field(default=frozenset(), kw_only=True)
    batch: int = field(default=BATCH, kw_only=True)

    def __post_init__(self) -> None:
        """The stage's functions carry it out."""
        self.carried_out_by(self.plan, self.prepare, self.work, self.commit, self.show)

    def how(self, project: Project) -> str:
        """Return the digest of the recipe as it now is."""
        return digest(self.recipe(project.settings))


OWNERS = {
    "sources": "team:data",
    "records": "team:records",
    "imaging": "team:imaging",
    "training": "team:models",
    "evaluation": "team:models",
    "serving": "team:models",
    "prediction": "team:models",
}


def described(stage: Stage, group: str, *kinds: str, pool: str | None = None) -> dict[str, Any]:
    """Return what Dagster is told of the asset of ``stage``.

    What the asset depends on is what decides it: the graph and the fingerprint can't differ.
    """
    about = {"name": stage.name, "group_name": group, "kinds": set(kinds), "owners": [OWNERS[group]]}
    return about | {"deps": list(stage.upstream), "code_version": stage.code, "pool": pool}


def whole_asset(
    stage: Stage, group: str, *kinds: str, pool: str | None = None
) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """Make the decorated function, which carries ``stage`` out as a whole, its asset."""

    def asset(function: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
        stage.carried_out_by(function)
        return dg.asset(**described(stage, group, *kinds, pool=pool))(function)

    return asset


def unit_asset(
    stage: UnitStage, description: str, group: str, *kinds: str, pool: str | None = None
) -> dg.AssetsDefinition:
    """Return the asset of ``stage``: a graph of ``plan``, one ``work`` a batch of stale units, and ``commit``.

    The executor decides where the work runs. Values between the steps are units' names and digests, kept as JSON.
    """

    @dg.op(
        name=f"{stage.name}__plan",
        pool="warehouse",
        ins={name: dg.In(dg.Nothing) for name in stage.upstream},
        out={"batches": dg.DynamicOut(list), "gone": dg.Out(list)},
    )
    def plan(context: dg.OpExecutionContext, project: Project) -> Iterator[dg.DynamicOutput | dg.Output]:
        stale, gone, standing = stale_units(project, stage)
        context.log.info(f"{len(stale)} stale, {standing} standing, {len(gone)} gone")
        with stage.working():
            stage.prepare(project, stale)
        for start in range(0, len(stale), stage.batch):
            batch, place = stale[start : start + stage.batch], start // stage.batch
            yield dg.DynamicOutput(batch, mapping_key=f"{place:05d}", output_name="batches")
        yield dg.Output(gone, output_name="gone")

    @dg.op(
        name=f"{stage.name}__work", pool=pool, out=dg.Out(list), required_resource_keys={"project", *stage.resources}
    )
    def work(context: dg.OpExecutionContext, units: list) -> dg.Output[list]:
        with stage.working():
            made = stage.work(context.resources.project, units, context)
        return dg.Output([vars(entry) for entry in made])

    @dg.op(name=f"{stage.name}__commit", pool="warehouse")
    def commit(context: dg.OpExecutionContext, project: Project, made: list, gone: list) -> dg.Output[None]:
        shown, version = commit_units(project, stage, [Entry(**entry) for batch in made for entry in batch], gone)
        return dg.Output(None, data_version=dg.DataVersion(version), metadata=shown)

    def compose(**upstream: Any) -> Any:
        batches, gone = plan(**upstream)
        return commit(batches.map(work).collect(), gone)

    names = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in stage.upstream]
    compose.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    about = described(stage, group, *kinds) | {"description": description}
    about["ins"] = {name: dg.AssetIn(dagster_type=dg.Nothing) for name in about.pop("deps")}
    del about["pool"]
    return dg.graph_asset(**about)(compose)


def stale_units(project: Project, stage: UnitStage) -> tuple[list[str], list[str], int]:
    """Return the units to make, the units to forget, and how many stand."""
    with stage.working():
        expected = stage.plan(project, stage.how(project))
    with project.reader() as connection:
        standing = ledger.entries(connection, stage.name)
    kept = {unit for unit, entry in standing.items() if _stands(project.root, entry, expected.get(unit))}
    return sorted(set(expected) - kept), sorted(set(standing) - set(expected)), len(kept)


def commit_units(
    project: Project, stage: UnitStage, made: Sequence[Entry], gone: Sequence[str]
) -> tuple[Mapping[str, Any], str]:
    """Record ``made`` and forget ``gone`` in one transaction (none where nothing changed); return what to show and
    the asset's data version."""
    if made or gone:
        with project.writer() as connection, stage.working():
            how = ledger.write_recipe(connection, stage.recipe(project.settings))
            stage.commit(connection, project, made, gone)
            ledger.record(connection, stage.name, [replace(entry, recipe=how) for entry in made])
            ledger.forget(connection, stage.name, gone)
    with project.reader() as connection, stage.working():
        version = ledger.asset_digest(connection, stage.name)
        counts = {"units": len(ledger.fingerprints(connection, stage.name)), "made": len(made), "gone": len(gone)}
        return counts | dict(stage.show(connection, project)), version

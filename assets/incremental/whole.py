"""Assets that are rebuilt as a whole, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb

from assets.incremental.stage import Result, Stage, committed_files, described, is_up_to_date, materialized
from assets.incremental.tables import table_metadata
from assets.project import Project
from echomort.core.fingerprint import digest
from warehouse import ledger
from warehouse.ledger import Entry


@dataclass(frozen=True)
class Built:
    """The result of a rebuild: the digest of its content, details to show, the path of its artifact, if any, and those
    of files ``beside`` it. Without any of these files the asset is stale."""

    digest: str
    details: Mapping[str, Any] = field(default_factory=dict)
    artifact: str | None = None
    beside: tuple[str, ...] = ()

    def details_from(self, made_from: Mapping[str, str]) -> dict[str, Any]:
        """Return the details to record, with what the asset was made from."""
        files = {"beside": list(self.beside)} if self.beside else {}
        return {**self.details, "made_from": made_from, **files}


def built_tables(connection: duckdb.DuckDBPyConnection, *tables: str) -> Built:
    """Return the digest and the row counts of ``tables``, which were just written."""
    found = {table: ledger.table_digest(connection, table) for table in tables}
    counts = {f"{table} rows": rows for table, (_, rows) in found.items()}
    return Built(digest([content for content, _ in found.values()]), counts)


Build = Callable[[duckdb.DuckDBPyConnection], Built]
"""Writes an asset's rows through a connection, in the transaction that writes the ledger's entry."""


def rebuild(project: Project, stage: Stage, build: Build) -> Result:
    """Rebuild the asset in one transaction if it is stale; else return its recorded result."""
    return rebuild_after(project, stage, lambda: build)


def rebuild_after(project: Project, stage: Stage, work: Callable[[], Build]) -> Result:
    """Do the same as :func:`rebuild`, with ``work`` that runs before the warehouse is opened for writing."""

    def together() -> Callable[[duckdb.DuckDBPyConnection], Sequence[Built]]:
        build = work()
        return lambda connection: [build(connection)]

    return rebuild_together(project, stage, (stage.name,), together)[0]


def rebuild_together(
    project: Project,
    stage: Stage,
    names: Sequence[str],
    work: Callable[[], Callable[[duckdb.DuckDBPyConnection], Sequence[Built]]],
) -> list[Result]:
    """Rebuild the assets ``names`` of one stage, in one transaction, if they are stale."""
    recipe = stage.recipe(project.settings)
    with project.reader() as connection:
        made_from = stage.made_from(connection, project)
        recorded = [ledger.entries(connection, name).get(ledger.WHOLE) for name in names]
    fingerprint = digest(digest(recipe), made_from)
    kept = [entry for entry in recorded if entry and is_up_to_date(project.root, entry, fingerprint)]
    if len(kept) == len(names):
        return _results(project, dict(zip(names, kept, strict=True)), rebuilt=False)
    with stage.working():
        build = work()
    with project.writer() as connection:
        how = ledger.write_recipe(connection, recipe)
        with stage.working():
            found = build(connection)
        made = [
            Entry(ledger.WHOLE, fingerprint, built.digest, built.artifact, built.details_from(made_from), how)
            for built in found
        ]
        for name, entry in zip(names, made, strict=True):
            ledger.record(connection, name, [entry])
            ledger.record_files(connection, name, {entry.unit: committed_files(project.root, entry)})
    return _results(project, dict(zip(names, made, strict=True)), rebuilt=True)


def _results(project: Project, made: Mapping[str, Entry], rebuilt: bool) -> list[Result]:
    """Return what Dagster records for the assets ``made``, with their tables as they are now."""
    with project.reader() as connection:
        tables = {name: table_metadata(connection, project.settings, name) for name in made}
    return [materialized(name, entry, rebuilt, tables[name]) for name, entry in made.items()]


def whole_asset(
    stage: Stage, group: str, *kinds: str, pool: str | None = None
) -> Callable[[Callable[..., Result]], dg.AssetsDefinition]:
    """Decorate the function that makes the asset of ``stage`` as a whole."""

    def asset(function: Callable[..., Result]) -> dg.AssetsDefinition:
        stage.carried_out_by(function)
        made: dg.AssetsDefinition = dg.asset(**described(stage, group, *kinds, pool=pool))(function)
        return made

    return asset

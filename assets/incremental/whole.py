"""Assets that are rebuilt as a whole, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb

from assets.incremental.stage import Result, Stage, described, is_up_to_date, materialized
from assets.project import Project
from echomort.core.fingerprint import digest
from warehouse import ledger
from warehouse.ledger import Entry


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
"""Writes an asset's rows through a connection, in the transaction that writes the ledger's entry."""


def rebuild(project: Project, stage: Stage, build: Build) -> Result:
    """Rebuild the asset as a whole, in one transaction, if what decides it changed; else report it as it is."""
    return rebuild_after(project, stage, lambda: build)


def rebuild_after(project: Project, stage: Stage, work: Callable[[], Build]) -> Result:
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
) -> list[Result]:
    """Rebuild the assets ``names``, which one transaction makes, if what decides them changed."""
    recipe = stage.recipe(project.settings)
    with project.reader() as connection:
        made_from = stage.made_from(connection, project)
        recorded = [ledger.entries(connection, name).get(ledger.WHOLE) for name in names]
    fingerprint = digest(digest(recipe), made_from)
    kept = [entry for entry in recorded if entry and is_up_to_date(project.root, entry, fingerprint)]
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


def whole_asset(
    stage: Stage, group: str, *kinds: str, pool: str | None = None
) -> Callable[[Callable[..., Result]], dg.AssetsDefinition]:
    """Make the decorated function, which carries ``stage`` out as a whole, its asset."""

    def asset(function: Callable[..., Result]) -> dg.AssetsDefinition:
        stage.carried_out_by(function)
        made: dg.AssetsDefinition = dg.asset(**described(stage, group, *kinds, pool=pool))(function)
        return made

    return asset

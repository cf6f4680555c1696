"""The canonical tables of the health records: one stage, which makes one asset for each table."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild_together
from assets.project import Project
from assets.records.own_variables import variable_files
from assets.shrinkage import is_accepted, most_gone, refuse_loss
from assets.sources.ehr_extract import ehr_extract, extract_day
from echomort.core.exclusion import read_exclusion
from echomort.core.keys import Keyring
from echomort.settings import Settings
from warehouse import ledger, vault
from warehouse.adapters.extract import ExtractLocation, adapter_files

if TYPE_CHECKING:
    from warehouse.staging.staging import StagingReport

TABLES = {
    "patient": "One row for each person: birth date, sex, race.",
    "death": "Deaths, with their source and how precisely the day is known.",
    "contact": "Evidence of life: visits, vitals, laboratory draws.",
    "study": "Echocardiograms.",
    "measurement": "Numbers with their unit and time: vitals, laboratory, echo.",
    "diagnosis": "Coded diagnoses with the day they were recorded.",
    "medication": "Drugs by class with dose and period.",
}

KEPT_WITH = {"patient": ("patient_alias", "quarantine", "staging"), "contact": ("contact_word",)}
"""Asset -> further tables that belong to it."""


def record_files(settings: Settings) -> dict[str, str]:
    """Return the files that settings name, with their digests: adapter, the site's variables, kinds of contact."""
    return adapter_files(settings.sources.adapter) | variable_files(settings) | kind_file(settings)


def kind_file(settings: Settings) -> dict[str, str]:
    """Return the site's file of kinds of contact with the digest of what it says; empty if there is none."""
    path = settings.sources.kinds
    if path is None:
        return {}
    from echomort.ehr.contact_kinds import site_kinds_digest

    return {path.name: site_kinds_digest(path)}


def decided_on(settings: Settings) -> str | None:
    """Return the day of a site's extract. No date of the embedded archive lies after the day on which it is written."""
    day = None if settings.is_synthetic else extract_day(settings)
    return day.isoformat() if day else None


def _left_out(project: Project) -> tuple[str, ...]:
    """Return the digest of who was erased; nothing where nobody was."""
    exclusion = read_exclusion(project.root)
    return (exclusion.digest,) if exclusion.erased else ()


RECORDS = Stage(
    "health_records",
    ("ehr_extract",),
    lambda settings: {
        "sources.adapter": Path(settings.sources.adapter).name,
        "sources.time_zone": settings.sources.time_zone,
        "sources.encoding": settings.sources.encoding,
        "sources.drug_days": settings.sources.drug_days,
        "privacy.dates": settings.privacy.dates,
        "outcome.contact_grace_days": settings.outcome.contact_grace_days,
        "outcome.study_grace_days": settings.outcome.study_grace_days,
    },
    lambda project: (project.keyring.key_id, decided_on(project.settings), *_left_out(project)),
    files=record_files,
    makes=tuple(TABLES),
)


def stage_extract(connection: duckdb.DuckDBPyConnection, settings: Settings, keyring: Keyring) -> "StagingReport":
    """Stage the extract that ``settings`` name into the tables of ``connection``."""
    from echomort.ehr.catalogue import site_catalogue
    from echomort.ehr.contact_kinds import site_kinds, site_statuses
    from warehouse.staging.staging import stage

    sources = settings.sources
    return stage(
        connection,
        ExtractLocation.of(settings),
        sources.adapter,
        keyring,
        settings.privacy.dates,
        catalogue=site_catalogue(sources.variables),
        kinds=site_kinds(sources.kinds),
        statuses=site_statuses(sources.kinds),
        extracted_on=extract_day(settings),
        outcome=settings.outcome,
        erased=read_exclusion(settings.home),
    )


def stage_records(project: Project, removals_accepted: bool = False) -> list[Result]:
    """Stage the extract; return one result for each table. Raises :class:`UserError`, and changes nothing, where a
    table lost more of its rows than ``sources.most_gone``, unless that is accepted."""
    settings = project.settings
    _forget_without_vault(project)

    def build(connection: duckdb.DuckDBPyConnection) -> list[Built]:
        before = _rows_of(connection)
        day = extract_day(settings)
        dg.get_dagster_logger().info(f"day of the extract: {day or 'not set'}; what lies after it is set aside")
        report = stage_extract(connection, settings, project.keyring)
        for conflict in report.conflicts:
            dg.get_dagster_logger().warning(str(conflict))
        built = [built_tables(connection, table, *KEPT_WITH.get(table, ())) for table in TABLES]
        if not removals_accepted:
            after = {table: one.details[f"{table} rows"] for table, one in zip(TABLES, built, strict=True)}
            refuse_loss(before, after, most_gone(settings))
        for domain, identifiers in report.identifiers.items():
            vault.remember(project.vault, domain, identifiers)
        vault_file = (str(project.vault.relative_to(project.root)),)
        return [replace(one, beside=vault_file) for one in built]

    return rebuild_together(project, RECORDS, list(TABLES), lambda: build)


def _forget_without_vault(project: Project) -> None:
    """Let the tables be made again where the vault was lost: another asset may have made a new one already."""
    if vault.holds(project.vault, "patient"):
        return
    with project.reader() as connection:
        made = [table for table in TABLES if ledger.entries(connection, table)]
    if made:
        with project.writer() as connection:
            for table in made:
                ledger.forget(connection, table, [ledger.WHOLE])


def _rows_of(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return table -> its rows at the last run, of the tables that were made."""
    found = {table: ledger.entries(connection, table).get(ledger.WHOLE) for table in TABLES}
    return {table: int(entry.details.get(f"{table} rows", 0)) for table, entry in found.items() if entry}


RECORDS.carried_out_by(stage_records)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            table,
            deps=[ehr_extract],
            group_name="records",
            description=description,
            kinds={"duckdb"},
            owners=["team:records"],
            code_version=RECORDS.code,
        )
        for table, description in TABLES.items()
    ],
    pool="warehouse",
)
def health_records(context: dg.AssetExecutionContext, project: Project) -> Iterator[Result]:
    """Read the extract through its adapter, pseudonymise it, shift its dates, and count rows that can't be used."""
    yield from stage_records(project, is_accepted(context.run.tags))

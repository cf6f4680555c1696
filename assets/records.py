"""Health records: from the extract to canonical tables, outcomes, the cohort and its features."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import duckdb

from assets.incremental import Built, Stage, built_tables, rebuild, rebuild_together, whole_asset
from assets.project import Project
from assets.sources import ehr_extract
from warehouse import vault
from warehouse.adapters.extract import Place, adapter_digest

TABLES = {
    "patient": "One row a person: birth date, sex, race.",
    "death": "Deaths, with their source and how precisely the day is known.",
    "contact": "Evidence of life: visits, vitals, laboratory draws.",
    "study": "Echocardiograms.",
    "measurement": "Numbers with their unit and time: vitals, laboratory, echo.",
    "diagnosis": "Coded diagnoses with the day they were recorded.",
    "medication": "Drugs by class with dose and period.",
}

KEPT_WITH = {"patient": ("patient_alias", "quarantine")}
"""Tables that have no asset of their own and change with one that has."""

RECORDS = Stage(
    "health_records",
    ("ehr_extract",),
    lambda settings: {
        "sources.adapter": adapter_digest(settings.sources.adapter),
        "privacy.dates": settings.privacy.dates,
    },
    lambda project: project.keyring.key_id,
)
OUTCOMES = Stage(
    "outcomes",
    ("patient", "death", "contact", "study"),
    lambda settings: {"outcome": settings.outcome},
)
COHORT = Stage(
    "cohort",
    ("outcomes", "patient", "study", "diagnosis"),
    lambda settings: {"cohort": settings.cohort},
)
FEATURES = Stage(
    "clinical_features",
    ("patient", "study", "measurement", "diagnosis", "medication"),
    lambda settings: {"features": settings.features},
)
CLINICAL_SCORES = Stage(
    "clinical_scores",
    ("clinical_features", "patient", "study", "diagnosis", "medication"),
    lambda settings: {"clinical_scores": settings.clinical_scores},
)


def stage_records(project: Project) -> list[dg.MaterializeResult]:
    """Stage the extract; return one result a table."""
    from warehouse.staging.staging import stage

    settings = project.settings

    def build(connection: duckdb.DuckDBPyConnection) -> list[Built]:
        place = Place(settings.ehr_root, settings.sources.postgresql)
        report = stage(connection, place, settings.sources.adapter, project.keyring, settings.privacy.dates)
        for conflict in report.conflicts:
            dg.get_dagster_logger().warning(str(conflict))
        for domain, identifiers in report.identifiers.items():
            vault.remember(project.vault, domain, identifiers)
        return [built_tables(connection, table, *KEPT_WITH.get(table, ())) for table in TABLES]

    return rebuild_together(project, RECORDS, list(TABLES), lambda: build)


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
def health_records(project: Project) -> Iterator[dg.MaterializeResult]:
    """Read the extract through its adapter, pseudonymise it, shift its dates, set aside what contradicts itself."""
    yield from stage_records(project)


@whole_asset(OUTCOMES, "records", "duckdb", "sql", pool="warehouse")
def outcomes(project: Project) -> dg.MaterializeResult:
    """One-year mortality of every study, or the one reason why it has none; the attrition table counts them."""
    from warehouse.tables.outcome.outcomes import link

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        link(connection, project.settings.outcome, project.keyring)
        return built_tables(connection, "outcome")

    return rebuild(project, OUTCOMES, build)


@whole_asset(COHORT, "records", "duckdb", "sql", pool="warehouse")
def cohort(project: Project) -> dg.MaterializeResult:
    """Labelled studies with their role and fold, both by a stable hash of the patient."""
    from warehouse.tables.cohort.cohorts import select

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        select(connection, project.settings.cohort)
        return built_tables(connection, "cohort")

    return rebuild(project, COHORT, build)


@whole_asset(FEATURES, "records", "duckdb", "sql", pool="warehouse")
def clinical_features(project: Project) -> dg.MaterializeResult:
    """The variables of the catalogue for every study, each known at or before it."""
    from warehouse.tables.feature.features import build as build_features
    from warehouse.tables.feature.features import told

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        build_features(connection, project.settings.features)
        built = built_tables(connection, "feature")
        return replace(built, details={**built.details, **told(connection)})

    return rebuild(project, FEATURES, build)


@whole_asset(CLINICAL_SCORES, "records", "duckdb", "sql", pool="warehouse")
def clinical_scores(project: Project) -> dg.MaterializeResult:
    """Pooled Cohort Equations, PREVENT, Seattle and MAGGIC for every study, or the reason why there is none."""
    from warehouse.tables.clinical_score.clinical_scores import score

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        covered = score(connection, project.settings.clinical_scores)
        built = built_tables(connection, "clinical_score")
        return replace(built, details={**built.details, **covered})

    return rebuild(project, CLINICAL_SCORES, build)

"""Checks: the expectations on every table, and the assertions.

The result of a check depends only on the tables and on its code. The ledger keeps it; if nothing changed, the result is
repeated from there and marked as repeated. Results hold counts and names of checks, never values.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.check import Check
from assets.graph import STAGES
from assets.imaging.accounts import Linked, linked_studies
from assets.imaging.dicom_index import DICOM_INDEX, FILES, files_by_folder
from assets.incremental import Stage
from assets.project import Project
from assets.records.clinical_features import FEATURES
from assets.records.health_records import RECORDS
from assets.records.own_variables import variable_files
from assets.records.readiness import cohort_readiness, cohort_size, sealed_readiness, sealed_size
from assets.records.warnings import Lost, late_line, lost_rows
from assets.shrinkage import ARCHIVE_CHECK, REMEDY, is_accepted, most_gone, too_many_gone
from assets.watch import WATCHES, shift_table
from echomort.core.fingerprint import digest
from echomort.core.keys import load_keyring
from echomort.settings import Settings
from warehouse import ledger
from warehouse.checks.assertions import Assertion, assertions
from warehouse.ledger import Entry
from warehouse.queries import run

SUITES = {
    "patient": "patient",
    "death": "death",
    "contact": "contact",
    "study": "study",
    "measurement": "measurement",
    "diagnosis": "diagnosis",
    "medication": "medication",
    "outcome": "outcomes",
    "outcome_at_horizon": "outcomes",
    "cohort": "cohort",
    "censored": "cohort",
    "cohort_at_horizon": "cohort",
    "feature": "clinical_features",
    "clinical_score": "clinical_scores",
    "external_score": "external_scores",
    "dicom_instance": "dicom_index",
    "instance_link": "linkage",
    "clip": "clips",
    "clip_view": "clip_views",
    "score": "fusion",
    "metric": "evaluation",
    "risk_score": "risk_scores",
}
"""Table -> the last asset that writes it; its expectations are checked there."""

SAMPLED_CLIPS = 200
"""Clips that are searched for letters, at most. Our choice: if one clip in 50 had any, 49 samples in 50 would hold
one; it takes seconds."""

STAGED = ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication")
"""The tables that come from the extract."""


Files = Callable[[Settings], Mapping[str, str]]
"""What returns the files that settings name, with their digests (:class:`assets.incremental.Stage`)."""


def expectations_check(table: str, asset: str, files: Files) -> Check:
    """Return the check that runs the Great Expectations suite of ``table``."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        from warehouse.checks import expectations

        frame = expectations.read(connection, table)
        return lambda settings: _validated(table, frame, settings)

    spec = dg.AssetCheckSpec(
        f"{table}_expectations", asset=asset, blocking=True, description=f"What table `{table}` must look like."
    )
    chosen = {"warehouse.checks.suites": [table]}
    stage = Stage(f"check:{spec.name}", (asset,), files=files, chosen=lambda _: chosen)
    stage.carried_out_by(expectations_check)
    return Check(spec, stage, read)


def _files_of(*assets: str) -> Files:
    """Return the function that yields the files that decide a check on ``assets``: the site's variables, if read."""
    return variable_files if {"measurement", "clinical_features"}.intersection(assets) else lambda _: {}


def _validated(table: str, frame: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    from warehouse.checks.expectations import validate

    result = validate(table, frame, settings.sources.variables)
    failed = [*result.failed, *result.errors]
    names = {"failed": ", ".join(failed), "warned": ", ".join(result.warned)}
    return names | {"evaluated": result.evaluated, "passed": not failed, "table": table, "rows": len(frame)}


def assertion_check(assertion: Assertion, files: Files) -> Check:
    """Return the check that ``assertion`` never happens."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        from warehouse.checks.assertions import check

        offending = check(connection, assertion.name)
        return lambda _: {"offending": offending, "passed": offending == 0}

    spec = dg.AssetCheckSpec(
        assertion.name,
        asset=assertion.asset,
        blocking=True,
        description=f"Must never happen: {assertion.never}",
        additional_deps=list(assertion.also),
    )
    assets = assertion.asset, *assertion.also
    chosen = {"warehouse.checks.assertions": [assertion.name]}
    stage = Stage(f"check:{spec.name}", assets, files=files, chosen=lambda _: chosen)
    stage.carried_out_by(assertion_check)
    return Check(spec, stage, read)


def set_aside_check(table: str) -> Check:
    """Return the check that staging used every row of ``table`` unchanged; it warns with the counts of reasons."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        reasons = dict(run(connection, "reads/counts/conflict_reasons.sql", table=table).fetchall())
        return lambda _: {"table": table, **_warned(reasons)}

    spec = dg.AssetCheckSpec(
        f"{table}_rows_set_aside",
        asset=table,
        description=f"Staging took every row of `{table}` as the source gave it.",
    )
    # The result depends on the extract and the code of staging, even if the table comes out the same.
    stage = Stage(f"check:{spec.name}", ("ehr_extract", table), RECORDS.decided_by, files=RECORDS.files)
    stage.carried_out_by(set_aside_check, *RECORDS.functions)
    return Check(spec, stage, read)


def lost_check(table: str) -> Check:
    """Return the check that ``table`` did not lose most of its rows to errors; if it did, nothing below it is made."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        lost = lost_rows(connection, table)
        return lambda settings: _judged(lost, settings.sources.most_lost)

    spec = dg.AssetCheckSpec(
        f"{table}_rows_are_not_lost",
        asset=table,
        blocking=True,
        description=f"The share of rows of `{table}` that errors cost stays below sources.most_lost.",
    )
    stage = Stage(f"check:{spec.name}", ("ehr_extract", table), _decides_loss, files=RECORDS.files)
    stage.carried_out_by(lost_check, *RECORDS.functions)
    return Check(spec, stage, read)


def _decides_loss(settings: Settings) -> dict[str, Any]:
    return {**RECORDS.decided_by(settings), "sources.most_lost": settings.sources.most_lost}


def _judged(lost: Lost, most: float) -> dict[str, Any]:
    words = lost.line(most)
    return {"table": lost.table, "rows": lost.rows, "offending": lost.count, "failed": words, "passed": not words}


def refused_check() -> Check:
    """Return the check that features can use every measurement; it warns with the counts of reasons."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        reasons = dict(run(connection, "tables/feature/feature_refusals.sql").fetchall())
        return lambda _: {"table": "feature", **_warned(reasons)}

    spec = dg.AssetCheckSpec(
        "feature_values_refused", asset="clinical_features", description="Every measurement and code can be used."
    )
    above = "clinical_features", "measurement", "diagnosis"
    stage = Stage(f"check:{spec.name}", above, FEATURES.decided_by, files=FEATURES.files)
    stage.carried_out_by(refused_check, *FEATURES.functions)
    return Check(spec, stage, read)


def _warned(reasons: Mapping[str, int]) -> dict[str, Any]:
    names = ", ".join(f"{reason} {rows}" for reason, rows in reasons.items())
    return {"offending": sum(reasons.values()), "warned": names, "passed": True}


def late_records_check() -> Check:
    """Return the check that nothing was recorded after the end of the data; it warns with the number of rows."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        records, words = late_line(connection)
        return lambda _: {"table": "outcome", "offending": records, "warned": words, "passed": True}

    spec = dg.AssetCheckSpec(
        "nothing_lies_after_the_end_of_the_data",
        asset="outcomes",
        description="No few records far from all others lie after the end of the data, and no record alone decides it.",
    )
    stage = Stage(f"check:{spec.name}", ("outcomes",))
    stage.carried_out_by(late_records_check)
    return Check(spec, stage, read)


def size_check(
    name: str,
    described: str,
    decided_by: Callable[[Settings], Mapping[str, Any]],
    read_size: Callable[[duckdb.DuckDBPyConnection], tuple[int, ...]],
    in_words: Callable[[Any, Settings], str],
) -> Check:
    """Return the check ``name`` that the cohort is large enough; before any training it says ``in_words`` what the size
    that ``read_size`` reads can show, or what would suffice. It warns, and never blocks."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        size = read_size(connection)
        return lambda settings: _sized(in_words(size, settings))

    spec = dg.AssetCheckSpec(name, asset="cohort", description=described)
    stage = Stage(f"check:{name}", ("cohort",), decided_by)
    stage.carried_out_by(size_check, read_size, in_words)
    return Check(spec, stage, read)


def _sized(words: str) -> dict[str, Any]:
    return {"table": "cohort", "offending": int(bool(words)), "warned": words, "passed": True}


def readiness_check() -> Check:
    """Return the check that there are enough deaths and survivors for a result."""
    return size_check(
        "enough_deaths_for_a_result",
        "There are enough deaths and survivors for a result; the warning says what so many can show.",
        _least_outcomes,
        cohort_size,
        cohort_readiness,
    )


def sealed_check() -> Check:
    """Return the check that the gate can decide on the sealed set."""
    return size_check(
        "enough_sealed_deaths_for_the_gate",
        "The sealed set has enough deaths and survivors for the gate; the warning says what suffices.",
        _deciding_gate,
        sealed_size,
        sealed_readiness,
    )


def _deciding_gate(settings: Settings) -> dict[str, Any]:
    return {f"promotion.{name}": getattr(settings.promotion, name) for name in ("minimum_deaths", "first_auc")}


def _least_outcomes(settings: Settings) -> dict[str, int]:
    return {"evaluation.suppress_below_events": settings.evaluation.suppress_below_events}


def archive_check() -> Check:
    """Return the check that most of the folders and files that the index knows are still in the archive."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        entries = ledger.entries(connection, DICOM_INDEX.name)
        known = {folder: int(entry.details.get(FILES, 1)) for folder, entry in entries.items()}
        return lambda settings: _still_there(known, settings)

    spec = dg.AssetCheckSpec(
        ARCHIVE_CHECK,
        asset="dicom_archive",
        blocking=True,
        description="The share of known folders and files that are gone at once stays below sources.most_gone.",
    )
    stage = Stage(f"check:{spec.name}", ("dicom_archive",), _decides_removal)
    stage.carried_out_by(archive_check)
    return Check(spec, stage, read)


def _decides_removal(settings: Settings) -> dict[str, float]:
    return {"sources.most_gone": settings.sources.most_gone}


def _still_there(known: Mapping[str, int], settings: Settings) -> dict[str, Any]:
    keyring = load_keyring(settings.privacy.key_file, settings.is_synthetic)
    now = files_by_folder(settings, keyring)
    folders = sum(folder not in now for folder in known)
    files = sum(max(count - now.get(folder, 0), 0) for folder, count in known.items())
    most = most_gone(settings)
    words = [too_many_gone("files", files, sum(known.values()), most)]
    words += [too_many_gone("folders", folders, len(known), most)]
    found = "; ".join(filter(None, words))
    failed = f"{found}: {REMEDY}" if found else ""
    return {"rows": sum(known.values()), "offending": files, "failed": failed, "passed": not failed}


def reject_gate() -> Check:
    """Return the check that the share of unreadable files is small; stills, Doppler and the like are not counted."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        reasons = dict(run(connection, "reads/counts/file_reasons.sql").fetchall())
        return lambda settings: _gated(reasons, settings.imaging.reject_gate)

    spec = dg.AssetCheckSpec(
        "few_files_are_unreadable",
        asset="clips",
        blocking=True,
        description="The share of files that can't be read stays below imaging.reject_gate.",
        additional_deps=["dicom_index"],
    )
    stage = Stage(f"check:{spec.name}", ("clips", "dicom_index"), _gate)
    stage.carried_out_by(reject_gate)
    return Check(spec, stage, read)


def linkage_gate() -> Check:
    """Return the check that enough of the archive is linked to the records; if not, no clip is made."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        linked = linked_studies(connection)
        return lambda settings: _linked(linked, settings.linkage.least_linked)

    spec = dg.AssetCheckSpec(
        "enough_studies_are_linked",
        asset="linkage",
        blocking=True,
        description="The share of the archive's studies that link to the records is linkage.least_linked or more.",
        additional_deps=["dicom_index"],
    )
    least = "linkage.least_linked"
    stage = Stage(
        f"check:{spec.name}", ("linkage", "dicom_index"), lambda settings: {least: settings.linkage.least_linked}
    )
    stage.carried_out_by(linkage_gate)
    return Check(spec, stage, read)


def _linked(linked: Linked, least: float) -> dict[str, Any]:
    words = linked.line(least)
    offending = linked.studies - linked.linked
    return {
        "table": "instance_link",
        "rows": linked.studies,
        "offending": offending,
        "failed": words,
        "passed": not words,
    }


def letters_check() -> Check:
    """Return the check that no line of letters stands beside the tissue in a sample of the stored clips."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        sample = run(connection, "reads/clips/clip_sample.sql", most=SAMPLED_CLIPS).fetchall()
        return lambda settings: _searched(sample, settings)

    spec = dg.AssetCheckSpec(
        "no_letters_beside_the_tissue",
        asset="clips",
        blocking=True,
        description="In a sample of the stored clips no line of letters stands on black beside the tissue.",
    )
    stage = Stage(f"check:{spec.name}", ("clips",))
    stage.carried_out_by(letters_check)
    return Check(spec, stage, read)


def _searched(sample: Sequence[tuple[str, str]], settings: Settings) -> dict[str, Any]:
    from echomort.clips.store import read_study
    from echomort.dicom.tissue.leftover import count_lines_of_letters

    found = [count_lines_of_letters(read_study(settings.home / path, [key])[key]) for key, path in sample]
    offending = sum(lines > 0 for lines in found)
    return {"table": "clip", "rows": len(sample), "offending": offending, "passed": offending == 0}


def suspicious_variables_check() -> Check:
    """Return the check that no variable alone predicts the outcome too well to be true; it warns with their names."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        variables = run(connection, "reads/evaluation/variable_auc.sql").df()
        return lambda settings: _suspected(_suspicious(variables, settings), "feature")

    spec = dg.AssetCheckSpec(
        "no_variable_knows_the_outcome",
        asset="clinical_features",
        description="No variable alone ranks patients by their outcome too well to be true: there is no leak.",
        additional_deps=["cohort"],
    )
    stage = Stage(f"check:{spec.name}", ("clinical_features", "cohort"), _suspicion)
    stage.carried_out_by(suspicious_variables_check)
    return Check(spec, stage, read)


def _suspicious(variables: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    from echomort.evaluation.suspicions import suspicious_variables
    from echomort.vocabulary.metric_table import ONE_VARIABLE

    return suspicious_variables(variables, settings.evaluation).assign(model=ONE_VARIABLE)


def suspicious_results_check() -> Check:
    """Return the check that the evaluation found nothing too good to be true; it warns with models and variables."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        found = run(connection, "reads/evaluation/suspicions.sql").df()
        return lambda _: _suspected(found, "metric")

    spec = dg.AssetCheckSpec(
        "no_result_is_too_good_to_be_true",
        asset="evaluation",
        description="No model and no variable has an AUC that is too good to be true; else none of ours is promoted.",
    )
    stage = Stage(f"check:{spec.name}", ("evaluation",))
    stage.carried_out_by(suspicious_results_check)
    return Check(spec, stage, read)


def motion_check() -> Check:
    """Return the check that a synthetic archive's risk is in its motion; it warns with what says otherwise."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        found = run(connection, "reads/evaluation/control_metrics.sql").df()
        return lambda settings: _controlled(found, settings.evaluation.suppress_below_events)

    spec = dg.AssetCheckSpec(
        "risk_is_in_the_motion",
        asset="evaluation",
        description="On a synthetic archive, models without motion find little and headers nothing.",
    )
    stage = Stage(f"check:{spec.name}", ("evaluation",), _least_outcomes)
    stage.carried_out_by(motion_check)
    return Check(spec, stage, read)


def _controlled(found: pd.DataFrame, least: int) -> dict[str, Any]:
    from echomort.evaluation.controls import broken_controls

    broken = broken_controls(found, least)
    return {"table": "metric", "offending": len(broken), "warned": "; ".join(broken), "passed": True}


def _suspicion(settings: Settings) -> dict[str, float]:
    names = ("suspicious_auc", "suspicious_deaths")
    return {f"evaluation.{name}": getattr(settings.evaluation, name) for name in names}


def _suspected(found: pd.DataFrame, table: str) -> dict[str, Any]:
    from echomort.evaluation.suspicions import REMEDY, suspicion_words

    words = "; ".join(suspicion_words(row) for row in found.itertuples(index=False))
    return {"table": table, "offending": len(found), "warned": f"{words}; {REMEDY}" if words else "", "passed": True}


def _gate(settings: Settings) -> dict[str, float]:
    return {"imaging.reject_gate": settings.imaging.reject_gate}


def _gated(reasons: Mapping[str | None, int], gate: float) -> dict[str, Any]:
    from echomort.dicom import Reason

    files = sum(reasons.values())
    unreadable = sum(count for reason, count in reasons.items() if reason and not Reason(reason).is_ordinary)
    return {"rows": files, "offending": unreadable, "passed": unreadable <= gate * files, "gate": gate}


def checks_of(stage: str, checks: Sequence[Check]) -> dg.AssetChecksDefinition:
    """Return one step that runs every check of the assets of ``stage``."""

    @dg.multi_asset_check(name=f"{stage}_checks", specs=[check.spec for check in checks], pool="warehouse")
    def run_checks(context: dg.AssetCheckExecutionContext, project: Project) -> Iterator[dg.AssetCheckResult]:
        chosen = [check for check in checks if check.spec.key in context.selected_asset_check_keys]
        yield from check_results(project, chosen, is_accepted(context.run.tags))

    return run_checks


def check_results(
    project: Project, checks: Sequence[Check], removals_accepted: bool = False
) -> list[dg.AssetCheckResult]:
    """Run each of ``checks`` if its tables or its code changed; else repeat the result in the ledger. With
    ``removals_accepted`` the check of the archive takes whatever is gone as removed on purpose.

    All rows are read through one connection and all results written through another, because opening one is slower than
    most checks.
    """
    repeated: dict[str, Mapping[str, Any]] = {}
    judges: dict[str, Callable[[Settings], Mapping[str, Any]]] = {}
    prints: dict[str, str] = {}
    with project.reader() as connection:
        for check in checks:
            name = check.stage.name
            with check.stage.working():
                prints[name] = check.stage.fingerprint(connection, project)
                entry = ledger.entries(connection, name).get(ledger.WHOLE)
                is_accepted_now = removals_accepted and check.spec.name == ARCHIVE_CHECK
                if entry is not None and entry.fingerprint == prints[name] and not is_accepted_now:
                    repeated[name] = entry.details
                else:
                    judges[name] = check.read(connection)
    settings = _accepting(project.settings) if removals_accepted else project.settings
    results = {**repeated, **{name: judge(settings) for name, judge in judges.items()}}
    pictures: dict[str, Mapping[str, Any]] = {}
    if judges:
        with project.writer() as connection:
            for check in checks:
                name = check.stage.name
                if name in judges:
                    how = ledger.write_recipe(connection, check.stage.recipe(project.settings))
                    made = Entry(ledger.WHOLE, prints[name], digest(results[name]), None, results[name], how)
                    ledger.record(connection, name, [made])
                    pictures[name] = check.keep(connection, results[name])
    return [
        _as_result(check, results[check.stage.name], check.stage.name in repeated, pictures.get(check.stage.name, {}))
        for check in checks
    ]


def _accepting(settings: Settings) -> Settings:
    """Return ``settings`` by which any share may be gone."""
    return settings.model_copy(update={"sources": settings.sources.model_copy(update={"most_gone": 1.0})})


def _as_result(
    check: Check, result: Mapping[str, Any], repeated: bool, pictures: Mapping[str, Any]
) -> dg.AssetCheckResult:
    shown = {key: value for key, value in result.items() if key not in ("passed", "shifts")}
    if "shifts" in result:
        shown["shifts"] = shift_table(result["shifts"])
    return dg.AssetCheckResult(
        asset_key=check.spec.asset_key,
        check_name=check.spec.name,
        passed=bool(result["passed"] and not result.get("warned")),
        severity=dg.AssetCheckSeverity.WARN if result["passed"] else dg.AssetCheckSeverity.ERROR,
        metadata={**shown, **pictures, "repeated": repeated},
    )


BY_ASSET: dict[str, list[Check]] = defaultdict(list)
for _check in (
    *(expectations_check(table, asset, _files_of(asset)) for table, asset in SUITES.items()),
    *(
        assertion_check(one, _files_of(one.asset, *one.also))
        for one in assertions({name for stage in STAGES for name in stage.assets})
    ),
    *(set_aside_check(table) for table in STAGED),
    *(lost_check(table) for table in STAGED),
    refused_check(),
    late_records_check(),
    readiness_check(),
    sealed_check(),
    archive_check(),
    reject_gate(),
    linkage_gate(),
    letters_check(),
    suspicious_variables_check(),
    suspicious_results_check(),
    motion_check(),
    *WATCHES,
):
    BY_ASSET[_check.spec.asset_key.to_user_string()].append(_check)

BY_STAGE = {stage.name: [check for asset in stage.assets for check in BY_ASSET.get(asset, ())] for stage in STAGES}
"""Stage -> the checks of its assets."""

CHECKS = [checks_of(stage, checks) for stage, checks in BY_STAGE.items() if checks]

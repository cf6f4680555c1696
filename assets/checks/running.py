"""How checks are run: what decides a result is compared with the ledger, which keeps it; the same is repeated.

The result of a check depends only on the tables and on its code. Results hold counts and names of checks, never values.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.checks.check import Check
from assets.checks.watch import shift_table
from assets.project import Project
from assets.shrinkage import ARCHIVE_CHECK, is_accepted
from echomort.core.fingerprint import digest
from echomort.settings import Settings
from warehouse import ledger
from warehouse.ledger import Entry


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
    judged = [check for check in checks if check.stage.name in judges]
    pictures = _kept(project, judged, results, prints) if judged else {}
    return [
        _as_result(check, results[check.stage.name], check.stage.name in repeated, pictures.get(check.stage.name, {}))
        for check in checks
    ]


def _kept(
    project: Project,
    checks: Sequence[Check],
    results: Mapping[str, Mapping[str, Any]],
    prints: Mapping[str, str],
) -> dict[str, Mapping[str, Any]]:
    """Write the ``results`` of ``checks`` into the ledger, by the fingerprints ``prints``, and into their histories;
    return what these show, by name."""
    pictures = {}
    with project.writer() as connection:
        for check in checks:
            name = check.stage.name
            how = ledger.write_recipe(connection, check.stage.recipe(project.settings))
            made = Entry(ledger.WHOLE, prints[name], digest(results[name]), None, results[name], how)
            ledger.record(connection, name, [made])
            pictures[name] = check.keep(connection, results[name])
    return pictures


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

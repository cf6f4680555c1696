"""Which assets are up to date, which are stale and why. Only the ledger and the inputs are read; no work is done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assets.accounts import external_warnings
from assets.graph import STAGES
from assets.imaging.accounts import hampered_warnings, linkage_warnings, unread_warnings
from assets.incremental import Stage, UnitStage, missing_files, stale_units
from assets.project import Project
from assets.quality import BY_ASSET
from assets.records.health_records import RECORDS
from assets.records.warnings import records_warnings
from assets.training.view_models import VIEW_MODELS
from echomort.core.errors import UserError
from echomort.core.once import reading_once
from warehouse import ledger
from warehouse.queries import run
from warehouse.reads.training.skipped import skipped

UP_TO_DATE = "up to date"
ON_REQUEST = "on request"
"""The state of an asset that is made only where a person asks for it, and that nobody asked for yet."""


def asset_states(project: Project) -> list[dict[str, Any]]:
    """Return one row for each asset: ``asset``, ``state``, ``why``, ``units``, ``changed``, ``kept``.

    ``state`` is ``up to date``, ``stale``, ``missing``, ``unchecked`` (a check failed or was not run), or ``on
    request``. ``kept`` is whether `echomort run` keeps the asset up to date; nothing waits for one that it does not.
    """
    # held open, so that the short connections below are cheap, and nobody writes to what is read once
    with project.reader(), reading_once():
        return _rows(project)


def _rows(project: Project) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    stale: set[str] = set()
    for stage in STAGES:
        kept = not stage.on_request(project.settings)
        for name in stage.assets:
            if not kept and not _size(project, name)["units"]:
                rows.append(_row(project, name, ON_REQUEST, "nobody asked for it yet", kept))
                continue
            state, why = _state(project, stage, name)
            waiting = sorted(stale.intersection(stage.upstream))
            if state == UP_TO_DATE and waiting:
                state = "stale" if _size(project, name)["units"] else "missing"
                why = f"waits for {', '.join(waiting)}"
            checks = _checks(project, name) if state == UP_TO_DATE else _Checks()
            if checks.open:
                state, why = "unchecked", str(checks)
            if kept and state != UP_TO_DATE and (state != "unchecked" or checks.block):
                stale.add(name)
            rows.append(_row(project, name, state, why, kept))
    return rows


def _row(project: Project, name: str, state: str, why: str, kept: bool) -> dict[str, Any]:
    return {"asset": name, "state": state, "why": why, **_size(project, name), "kept": kept}


def required(rows: Iterable[Mapping[str, Any]], asset: str) -> list[str]:
    """Return the assets among ``rows`` (:func:`asset_states`) that are not up to date: ``asset`` and those above it."""
    needed = {asset}
    for stage in reversed(STAGES):
        if needed.intersection(stage.assets):
            needed.update(stage.upstream)
    return [row["asset"] for row in rows if row["asset"] in needed and row["state"] != UP_TO_DATE]


SAID_BY_RECORDS = {"feature_values_refused", *(f"{table}_rows_set_aside" for table in RECORDS.assets)}
"""Checks whose warnings the records give in more words."""


def project_warnings(project: Project) -> list[tuple[str, str]]:
    """Return (asset, warning) of everything that a person should know: records and values that could not be used,
    checks that warned or failed on the tables as they are, and what could not be trained."""
    from echomort.report.words import view_words

    with project.reader() as connection:
        found = records_warnings(connection, project.settings)
        found += unread_warnings(connection)
        found += hampered_warnings(connection)
        found += linkage_warnings(connection)
        found += external_warnings(connection)
        for asset, checks in BY_ASSET.items():
            for check in checks:
                entry = ledger.entries(connection, check.stage.name).get(ledger.WHOLE)
                details = entry.details if entry and check.spec.name not in SAID_BY_RECORDS else {}
                words = [details.get("failed", ""), details.get("warned", "")]
                found += [(asset, f"{check.spec.name.replace('_', ' ')}: {text}") for text in words if text]
        network = project.settings.training.network
        untrained = run(connection, "reads/training/untrained_views.sql", network=network).fetchall()
        for view, reason in untrained:
            found.append((VIEW_MODELS.name, f"the view {view_words(view)} ({view}) has no models: {reason}"))
        found += skipped(connection)
    return found


def _state(project: Project, stage: Stage, name: str) -> tuple[str, str]:
    if isinstance(stage, UnitStage):
        return _units_state(project, stage)
    with project.reader() as connection:
        entry = ledger.entries(connection, name).get(ledger.WHOLE)
        if entry is None:
            return "missing", "never made"
        changed = _changed_inputs(entry.details["made_from"], stage.made_from(connection, project))
        changed += changed_parts(ledger.recipe(connection, entry.recipe), stage.recipe(project.settings))
    if changed:
        return "stale", f"changed: {listed(changed)}"
    if missing := missing_files(project.root, entry):
        return "stale", f"missing: {listed(missing)}"
    return UP_TO_DATE, ""


def _units_state(project: Project, stage: UnitStage) -> tuple[str, str]:
    try:
        stale, gone, kept = stale_units(project, stage)
    except UserError as error:
        return "missing", error.problem
    if not stale and not gone:
        return UP_TO_DATE, "" if kept else "nothing to make"
    with project.reader() as connection:
        entries = ledger.entries(connection, stage.name)
        recipes = {entry.recipe for unit, entry in entries.items() if unit in stale}
        now = stage.recipe(project.settings)
        changed = sorted({part for name in recipes for part in changed_parts(ledger.recipe(connection, name), now)})
    why = f"{len(stale)} to make, {len(gone)} removed, {kept} up to date"
    return "stale" if entries else "missing", f"{why}; changed: {listed(changed)}" if changed else why


SHOWN_CHANGES = 6
"""Changed parts that are named at most; the rest is counted. Our choice: they fit in a line of the table."""


def listed(changes: list[str]) -> str:
    """Return the changes in one line: the first by name, the rest as a count."""
    rest = len(changes) - SHOWN_CHANGES
    return ", ".join(changes[:SHOWN_CHANGES]) + (f" and {rest} more" if rest > 0 else "")


def changed_parts(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return descriptions of the parts of a recipe that changed.

    A part is a file, a definition, a setting, a package, or a library (with both versions).
    """
    return [
        _in_words(part, then.get(part), now.get(part))
        for part in sorted({*then, *now})
        if then.get(part) != now.get(part)
    ]


def changed_libraries(project: Project) -> dict[str, list[str]]:
    """Return what changed of a library, with both versions -> the assets that were made with the former one."""
    found: dict[str, set[str]] = {}
    with project.reader() as connection:
        for stage in STAGES:
            now = stage.recipe(project.settings)
            for name in stage.assets:
                for recipe in {entry.recipe for entry in ledger.entries(connection, name).values()}:
                    for change in changed_parts(ledger.recipe(connection, recipe), now):
                        if change.startswith("library "):
                            found.setdefault(change, set()).add(name)
    return {change: sorted(assets) for change, assets in sorted(found.items())}


def _in_words(part: str, then: str | None, now: str | None) -> str:
    kind, _, name = part.partition(" ")
    if kind == "library":
        return f"{part} {then or 'not used'} -> {now or 'not used'}"
    how = " (new)" if then is None else " (no longer used)" if now is None else ""
    return (part if kind in {"setting", "package"} else name) + how


def _changed_inputs(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [part for part in sorted({*then, *now}) if then.get(part) != now.get(part)]


@dataclass
class _Checks:
    """The checks of an asset that have not passed on the current tables, and why."""

    failed: list[str] = field(default_factory=list)
    to_run: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    block: bool = False
    """Whether one of them stops what lies below the asset."""

    @property
    def open(self) -> bool:
        return bool(self.failed or self.to_run)

    def __str__(self) -> str:
        parts = {"failed": self.failed, "to check": self.to_run, "changed": sorted(self.changed)}
        return "; ".join(f"{what}: {listed(names)}" for what, names in parts.items() if names)


def _checks(project: Project, name: str) -> _Checks:
    found = _Checks()
    with project.reader() as connection:
        for check in BY_ASSET.get(name, []):
            entry = ledger.entries(connection, check.stage.name).get(ledger.WHOLE)
            known = entry is not None and entry.fingerprint == check.stage.fingerprint(connection, project)
            if known and entry and entry.details["passed"]:
                continue
            (found.failed if known else found.to_run).append(check.spec.name)
            found.block |= bool(check.spec.blocking)
            if entry and not known:
                then = ledger.recipe(connection, entry.recipe)
                found.changed.update(changed_parts(then, check.stage.recipe(project.settings)))
    return found


def _size(project: Project, name: str) -> dict[str, Any]:
    with project.reader() as connection:
        units, changed = connection.execute(
            "SELECT count(*), strftime(max(committed_at), '%Y-%m-%d %H:%M') FROM ledger WHERE asset = ?", [name]
        ).fetchall()[0]
    return {"units": units, "changed": changed}

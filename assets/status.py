"""What stands, what is stale and why, asked of the ledger without doing any work."""

from collections.abc import Mapping
from typing import Any

from assets import evaluation, imaging, records, serving, sources, training
from assets.incremental import Stage, UnitStage, stale_units
from assets.project import Project
from assets.quality import BY_ASSET, passed
from echomort.errors import UserError
from warehouse import ledger

STAGES: tuple[tuple[Stage, tuple[str, ...]], ...] = (
    (sources.DICOM_ARCHIVE, ("dicom_archive",)),
    (sources.EHR_EXTRACT, ("ehr_extract",)),
    (records.RECORDS, tuple(records.TABLES)),
    (records.OUTCOMES, ("outcomes",)),
    (records.COHORT, ("cohort",)),
    (records.FEATURES, ("clinical_features",)),
    (records.CLINICAL_SCORES, ("clinical_scores",)),
    (imaging.DICOM_INDEX, ("dicom_index",)),
    (imaging.LINKAGE, ("linkage",)),
    (imaging.CLIPS, ("clips",)),
    (imaging.CLIP_VIEWS, ("clip_views",)),
    (training.VIEW_MODELS, ("view_models",)),
    (training.EHR_MODELS, ("ehr_models",)),
    (training.EHR_BASELINES, ("ehr_baselines",)),
    (training.FUSION, ("fusion",)),
    (evaluation.EVALUATION, ("evaluation",)),
    (evaluation.REPORT, ("report",)),
    (serving.CHAMPION, ("champion",)),
    (serving.RISK_SCORES, ("risk_scores",)),
)
"""Every stage in the graph's order, with the assets that it makes."""


def of(project: Project) -> list[dict[str, Any]]:
    """Return one row an asset: ``asset``, ``state``, ``why``, ``units``, ``changed``.

    ``state`` is ``stands``, ``stale``, ``missing``, or ``unchecked`` where a check did not pass or was not carried out.
    """
    rows: list[dict[str, Any]] = []
    stale: set[str] = set()
    for stage, names in STAGES:
        for name in names:
            state, why = _state(project, stage, name)
            waiting = sorted(stale.intersection(stage.upstream))
            if state == "stands" and waiting:
                state, why = "stale", f"waits for {', '.join(waiting)}"
            if state == "stands" and (open_checks := _open_checks(project, name)):
                state, why = "unchecked", f"to check: {', '.join(open_checks)}"
            if state != "stands":
                stale.add(name)
            rows.append({"asset": name, "state": state, "why": why, **_size(project, name)})
    return rows


def _state(project: Project, stage: Stage, name: str) -> tuple[str, str]:
    if isinstance(stage, UnitStage):
        return _units_state(project, stage)
    with project.reader() as connection:
        entry = ledger.entries(connection, name).get(ledger.WHOLE)
        if entry is None:
            return "missing", "never made"
        now = stage.made_from(connection, project)
    changed = _changed(entry.details["made_from"], now)
    return ("stale", f"changed: {', '.join(changed)}") if changed else ("stands", "")


def _units_state(project: Project, stage: UnitStage) -> tuple[str, str]:
    try:
        stale, gone, standing = stale_units(project, stage)
    except UserError as error:
        return "missing", error.problem
    if not stale and not gone:
        return ("stands", "") if standing else ("missing", "nothing to make yet")
    with project.reader() as connection:
        state = "stale" if ledger.fingerprints(connection, stage.name) else "missing"
    return state, f"{len(stale)} to make, {len(gone)} to forget, {standing} stand"


def _open_checks(project: Project, name: str) -> list[str]:
    """Return the checks of an asset that did not pass on what now stands."""
    with project.reader() as connection:
        return [check.spec.name for check in BY_ASSET.get(name, []) if not passed(check, project, connection)]


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(part for part in now if then.get(part) != now[part])


def _size(project: Project, name: str) -> dict[str, Any]:
    with project.reader() as connection:
        units, changed = connection.execute(
            "SELECT count(*), strftime(max(committed_at), '%Y-%m-%d %H:%M') FROM ledger WHERE asset = ?", [name]
        ).fetchall()[0]
    return {"units": units, "changed": changed}

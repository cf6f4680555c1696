"""The watch as checks: each compares the latest studies with those before, or deaths with risks; none blocks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pandas as pd

from assets.checks.check import Check, Result
from assets.incremental import Stage, picture
from echomort.settings import Settings
from warehouse.queries import run, scalar

if TYPE_CHECKING:
    from echomort.watch.shift import Limits

SAMPLED_CLIPS = 150
"""Clips of each period that are looked at, at most. Our choice: they take seconds, and show a large shift."""
SHOWN_SHIFTS = 20
"""Inputs that Dagster's page lists. Our choice: a page."""
ReadInputs = Callable[[duckdb.DuckDBPyConnection], pd.DataFrame]
"""What reads a row a study: its keys, whether it is recent, and its inputs."""


def _headers(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    run(connection, "definitions/watched_study.sql")
    return run(connection, "reads/watch/headers.sql").df()


def _views(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    run(connection, "definitions/watched_study.sql")
    rows = run(connection, "reads/watch/views.sql").df()
    keys = ["study_key", "patient_key", "is_recent"]
    return rows.pivot(index=keys, columns="view", values="clips").fillna(0).add_prefix("clips of ").reset_index()


def _records(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    run(connection, "definitions/watched_study.sql")
    values = run(connection, "reads/watch/records.sql").df()
    units = run(connection, "reads/watch/units.sql").df().pivot(index="study_key", columns="variable", values="unit")
    return values.merge(units.add_prefix("unit of "), how="left", left_on="study_key", right_index=True)


def _risks(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    run(connection, "definitions/watched_study.sql")
    return run(connection, "reads/watch/risks.sql").df()


def _sampled_clips(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    run(connection, "definitions/watched_study.sql")
    return run(connection, "reads/watch/clips.sql", most=SAMPLED_CLIPS).df()


def _as_they_are(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    return rows


def _appearances(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the appearance of each clip of ``rows`` in place of its path."""
    from echomort.clips.store import read_study
    from echomort.watch.appearance import appearance

    pixels = (
        read_study(settings.home / path, [key])[key] for path, key in zip(rows.artifact, rows.clip_key, strict=True)
    )
    seen = pd.DataFrame([appearance(one) for one in pixels], columns=["brightness", "contrast", "noise"])
    return rows[["study_key", "patient_key", "is_recent"]].join(seen)


def shift_check(
    name: str,
    above: Sequence[str],
    read_inputs: ReadInputs,
    described: str,
    measured: Callable[[pd.DataFrame, Settings], pd.DataFrame] = _as_they_are,
) -> Check:
    """Return the check ``name`` on the first of the assets ``above`` that the inputs which ``read_inputs`` reads, once
    ``measured``, are of the latest studies as they were before."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], Result]:
        rows = read_inputs(connection)
        return lambda settings: _shifted(measured(rows, settings), settings)

    asset, *others = above
    spec = dg.AssetCheckSpec(name, asset=asset, description=described, additional_deps=[*others, "outcomes"])
    stage = Stage(f"check:{name}", (*above, "outcomes"), _limiting)
    stage.carried_out_by(shift_check, read_inputs, measured)
    return Check(spec, stage, read, partial(_keep_shifts, name))


def _limiting(settings: Settings) -> dict[str, Any]:
    least = settings.evaluation.suppress_below_events
    return {"watch": settings.watch, "evaluation.suppress_below_events": least}


def _limits(settings: Settings) -> "Limits":
    from echomort.watch.shift import Limits

    watch = settings.watch
    return Limits(watch.false_alarms, watch.smallest_shift, settings.evaluation.suppress_below_events)


def _shifted(frame: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    from echomort.watch.shift import sentence, shifts

    found = shifts(frame, _limits(settings))
    moved = [shift for shift in found if shift.moved]
    table = [{"input": one.input, "distance": one.index, "p": one.p, "moved": one.moved} for one in found]
    words = sentence(found)
    told = f"the latest studies differ from those before: {words}; see what changed at the source" if words else ""
    return {"rows": len(frame), "offending": len(moved), "warned": told, "passed": True, "shifts": table}


def _keep_shifts(name: str, connection: duckdb.DuckDBPyConnection, result: Result) -> Mapping[str, Any]:
    """Add the shifts of ``result`` to the history of check ``name``, and return the picture of the history."""
    shifts = result["shifts"]
    if not shifts:
        return {}
    look = scalar(connection, "tables/watch/next_look.sql")
    rows = pd.DataFrame(shifts).assign(look=look, check_name=name)
    connection.append("watch", rows, by_name=True)
    return _history(connection, name)


def _history(connection: duckdb.DuckDBPyConnection, name: str) -> Mapping[str, Any]:
    from echomort.watch.picture import history_png

    looks = run(connection, "reads/watch/history.sql", check_name=name).df()
    return {"history": picture("history", history_png(looks["distance"].tolist(), looks["moved"].tolist()))}


def shift_table(shifts: Sequence[Mapping[str, Any]]) -> Any:
    """Return the largest of ``shifts`` as a table for Dagster's page."""
    columns = [dg.TableColumn(name, kind) for name, kind in _COLUMNS.items()]
    records = [dg.TableRecord({name: one[name] for name in _COLUMNS}) for one in shifts[:SHOWN_SHIFTS]]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


_COLUMNS = {"input": "string", "distance": "float", "p": "float", "moved": "bool"}


def deaths_check() -> Check:
    """Return the check that as many patients died as the risks said that were given before."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], Result]:
        rows = run(connection, "reads/watch/matured.sql").df()
        return lambda settings: _counted(rows, settings)

    spec = dg.AssetCheckSpec(
        "deaths_are_as_expected",
        asset="risk_scores",
        description="As many patients died as the risks said that were given before outcomes were known.",
        additional_deps=["outcomes"],
    )
    stage = Stage(f"check:{spec.name}", ("risk_scores", "outcomes"), _limiting)
    stage.carried_out_by(deaths_check)
    return Check(spec, stage, read, _keep_deaths)


def _counted(rows: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    from echomort.watch.deaths import observed_deaths, sentence

    found = observed_deaths(rows["label"], rows["risk"], settings.watch.false_alarms)
    words = sentence(found, settings.evaluation.suppress_below_events)
    told = f"{words}; the risks that are given can't be trusted until a new champion is judged" if words else ""
    highest = max(found.path, default=1.0)
    return {
        "rows": found.patients,
        "offending": int(found.reached),
        "warned": told,
        "passed": True,
        "evidence": highest,
    }


def _keep_deaths(connection: duckdb.DuckDBPyConnection, result: Result) -> Mapping[str, Any]:
    """Note whose outcomes became known, and add the evidence to the history; return the picture of the history."""
    numbers = [number for number, *_ in run(connection, "reads/watch/matured.sql").fetchall()]
    if not numbers:
        return {}
    run(connection, "tables/watch/matured.sql", numbers=numbers)
    look = scalar(connection, "tables/watch/next_look.sql")
    row = {"look": look, "check_name": "deaths_are_as_expected", "input": "deaths", "distance": result["evidence"]}
    connection.append("watch", pd.DataFrame([row | {"p": None, "moved": bool(result["offending"])}]), by_name=True)
    return _history(connection, "deaths_are_as_expected")


WATCHES = (
    shift_check(
        "headers_are_as_before",
        ("linkage", "dicom_index"),
        _headers,
        "The headers of the latest studies' files are as those of the studies before.",
    ),
    shift_check(
        "views_are_as_before",
        ("clip_views", "clips"),
        _views,
        "The latest studies have as many clips of each view as the studies before.",
    ),
    shift_check(
        "clips_look_as_before",
        ("clips",),
        _sampled_clips,
        "Brightness, contrast and noise of the latest clips are as those of the clips before.",
        measured=_appearances,
    ),
    shift_check(
        "records_are_as_before",
        ("clinical_features", "measurement", "study"),
        _records,
        "The latest studies' variables, their units and what is missing are as those of the studies before.",
    ),
    shift_check(
        "risks_are_as_before",
        ("risk_scores", "cohort"),
        _risks,
        "The champion's risks of the latest studies are as those of the sealed studies before.",
    ),
    deaths_check(),
)
"""The checks of the watch."""

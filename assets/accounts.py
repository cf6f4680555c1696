"""What each asset took and what it left out, in one line: counts and reasons, for the end of a run."""

from collections.abc import Iterator, Mapping

import duckdb

from assets.records.outcomes import CHANGES, OUTCOMES
from echomort.evaluation.external_scores import SET_ASIDE, USED
from warehouse import ledger
from warehouse.queries import run
from warehouse.staging.staging import row_counts

SHOWN_REASONS = 6
"""Reasons that one line names at most; the others are counted. Our choice: a line or two."""


def account_lines(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield one line for each asset that can leave something out and has been made: what it took, what it left out."""
    left_out: dict[str, dict[str, int]] = {}
    for table, reason, count, action, _ in run(connection, "staging/conflicts.sql").fetchall():
        if action == "dropped":
            left_out.setdefault("patient" if table == "identity" else table, {})[reason] = count
    for table, (read, used, _) in row_counts(connection).items():
        yield account_line(table, "rows", read, used, left_out.get(table, {}))
    yield from _studies(connection)
    if entry := ledger.entries(connection, OUTCOMES.name).get(ledger.WHOLE):
        yield from change_lines(entry.details.get(CHANGES, {}))
    for asset, query in FILES.items():
        reasons = dict(run(connection, query).fetchall())
        accepted = reasons.pop("accepted", 0)
        if accepted or reasons:
            yield account_line(asset, "files", accepted + sum(reasons.values()), accepted, reasons)
    for model, read, used, reasons in _external(connection):
        yield account_line(model, "rows", read, used, reasons)


def external_warnings(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (asset, warning) of every file of external scores some of whose rows were set aside."""
    remedy = (
        "name each study once, by its study_key in this project or its study_id in the records, with one finite score"
    )
    return [
        ("external_scores", f"{account_line(model, 'rows', read, used, reasons)}; {remedy}")
        for model, read, used, reasons in _external(connection)
        if reasons
    ]


def _external(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int, int, dict[str, int]]]:
    """Yield each model of external scores, with its rows read and used, and those set aside by reason."""
    counts: dict[str, dict[str, int]] = {}
    for model, outcome, rows in run(connection, "reads/counts/external_reasons.sql").fetchall():
        counts.setdefault(model, {})[outcome] = rows
    for model, found in counts.items():
        reasons = {reason: found[reason] for reason in SET_ASIDE if found.get(reason)}
        used = found.get(USED, 0)
        yield model, used + sum(reasons.values()), used, reasons


FILES = {
    "dicom_index": "reads/counts/index_reasons.sql",
    "linkage": "reads/counts/link_reasons.sql",
    "clips": "reads/counts/clip_reasons.sql",
}
"""Asset that takes files -> the query of its files by reason."""


def _studies(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield what the outcomes and the cohort took of the studies, from the table of the attrition."""
    before, reasons = 0, dict[str, int]()
    for reason, studies, _ in run(connection, "reads/records/attrition.sql").fetchall():
        if reason in STEPS:
            if STEPS[reason]:
                yield account_line(STEPS[reason], "studies", before, studies, reasons)
            before, reasons = studies, {}
        else:
            reasons[reason] = studies


def change_lines(changes: Mapping[str, int]) -> Iterator[str]:
    """Yield what became of the labels when they were last made, in one line; nothing where none changed.

    >>> list(change_lines({"new with a label": 14, "became dead": 3}))
    ['labels that changed last: 14 new with a label, 3 became dead']
    """
    if changes:
        yield f"labels that changed last: {', '.join(f'{studies} {change}' for change, studies in changes.items())}"


STEPS = {"STUDIES": "", "LABELLED": "outcomes", "COHORT": "cohort"}
"""Step of the attrition that counts what is left -> the asset that left out the others."""


def account_line(asset: str, what: str, read: int, used: int, reasons: Mapping[str, int]) -> str:
    """Return one line: how many of its inputs an asset took, and how many it left out, by reason, the most first.

    >>> account_line("linkage", "files", 92, 4, {"study_not_in_records": 88})
    'linkage: 4 of 92 files; left out: study_not_in_records 88'
    """
    named = sorted(((count, reason) for reason, count in reasons.items() if count), key=lambda one: (-one[0], one[1]))
    words = ", ".join(f"{reason} {count}" for count, reason in named[:SHOWN_REASONS])
    more = sum(count for count, _ in named[SHOWN_REASONS:])
    others = f", others {more}" if more else ""
    return f"{asset}: {used} of {read} {what}" + (f"; left out: {words}{others}" if words else "")

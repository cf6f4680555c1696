"""Stages an extract into the canonical tables: pseudonyms, one row for each person, shifted dates, counted rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd

from echomort.core.errors import UserError
from echomort.core.exclusion import Exclusion
from echomort.core.keys import Keyring
from echomort.ehr.catalogue import Catalogue
from echomort.ehr.contact_kinds import denials, plans, read_kind, read_status
from echomort.ehr.public_codes import is_code_of, is_public_code
from echomort.settings import Outcome
from warehouse.adapters.extract import (
    ExtractLocation,
    feeds,
    has_own_calendar,
    is_dispensable,
    open_extract,
    origins,
    raw_tables,
)
from warehouse.adapters.forms import best_help
from warehouse.queries import query, run, scalar
from warehouse.staging import advice
from warehouse.staging.vocabulary import vocabulary

TABLES = ("patient", "death", "study", "contact", "measurement", "diagnosis", "medication")
"""The canonical tables in the order of staging: the rules of each may use the tables before it."""

DEFINITIONS = (
    *("definitions/unit.sql", "definitions/moment.sql"),
    *("definitions/partial_date.sql", "definitions/number.sql"),
)
"""Macros that the SQL of staging uses."""

LAST_MOVED_DATE = date(2299, 12, 31)
"""The latest date that is accepted if the source has moved its dates; otherwise it is the extract's day. Our choice."""

SHOWN_WORDS = 20
"""Words that one line names at most; contact_word and unlisted_word have all. Our choice: it stays readable."""

MOST_WORDS = 1000
"""Words of one table and reason that are kept at most, the most frequent. Our choice: prose in a column of codes is a
mistake, and a thousand examples of it are enough."""

FEW_UNREAD = 0.01
"""Share of a table's rows up to which nobody looks at the form of dates and numbers that can't be read. Our choice: a
few typing errors are not worth a second reading of the table."""

UNUSED = "TABLE_NOT_USED"
"""The reason of a raw table that is not used."""

HASH_CHARACTERS = 10
"""Characters shown of the keyed hash of a text: 40 bits tell the texts of one extract apart. Our choice."""


@dataclass(frozen=True)
class Conflict:
    """``count`` rows of ``table`` that staging could not use as they were, for one ``reason``.

    ``action``: dropped, nulled, quarantined or noted. ``example``: the pseudonym of one of the patients. ``where``: the
    table and column, in words. ``words``: the words that are on no list (kinds of contacts, units, variables ...) and
    were set aside for this reason, each with its rows, the most frequent first. ``note``: why a table is not used, and
    what it feeds.
    """

    table: str
    reason: str
    count: int
    action: str
    example: str | None
    where: str
    words: tuple[tuple[str, int], ...] = ()
    note: str = ""

    def __str__(self) -> str:
        """Return one line with table, column, count, example and remedy: no identifier, no value."""
        whose = f", one of patient {self.example[:12]}" if self.example else ""
        return self._line(f"{self.action}{whose}", SHOWN_WORDS)

    def in_short(self, most_words: int, remedy: str | None = None) -> str:
        """Return the line without the example, with ``most_words`` words at most, and ``remedy`` instead of the general
        one."""
        return self._line(self.action, most_words, remedy)

    @property
    def is_ordinary(self) -> bool:
        """Whether the site need do nothing about it."""
        return advice.is_ordinary(self.reason)

    @property
    def lost(self) -> int:
        """How many rows the table lost to an error, all or what makes them useful of them."""
        return self.count if advice.loses(self.table, self.reason) and self.action in {"dropped", "nulled"} else 0

    def _line(self, done: str, most_words: int, remedy: str | None = None) -> str:
        if self.note:
            return f"{self.where}: {self.reason} ({self.note}); {advice.remedy(self.reason)}"
        counted = f"{self.count} row" + ("" if self.count == 1 else "s")
        words = ", ".join(f"{word} {rows}" for word, rows in self.words[:most_words])
        more = f" and {len(self.words) - most_words} more" if len(self.words) > most_words else ""
        named = f" [{words}{more}]" if words else ""
        return f"{self.where}: {self.reason} in {counted} ({done}){named}; {remedy or advice.remedy(self.reason)}"


@dataclass(frozen=True)
class StagingReport:
    """``rows``: table -> (read, staged, dropped). ``identifiers``: domain ("patient", "study", and "contact_kind" and
    "word" for texts that are on no list) -> pseudonym -> identifier, for the key vault only."""

    rows: Mapping[str, tuple[int, int, int]]
    conflicts: tuple[Conflict, ...]
    identifiers: Mapping[str, Mapping[str, str]]


def stage(  # noqa: PLR0913
    connection: duckdb.DuckDBPyConnection,
    location: Path | ExtractLocation,
    adapter: str,
    keyring: Keyring,
    dates: Literal["shifted", "kept"],
    *,
    catalogue: Catalogue | None = None,
    kinds: Mapping[str, bool] | None = None,
    extracted_on: date | None = None,
    statuses: Mapping[str, bool] | None = None,
    outcome: Outcome | None = None,
    erased: Exclusion | None = None,
) -> StagingReport:
    """Replace the canonical tables with the extract at ``location`` (a path is a folder).

    ``catalogue`` names the variables that are staged (default: the shipped ones); ``kinds`` are the site's own
    kinds of contact and whether each proves life, ``statuses`` its statuses and whether each says that the contact
    took place. Rows after ``extracted_on``, the day of the extract, are set aside (None: after today; it is needed
    for a database, unless its source moved the dates). ``outcome`` has the grace periods after a death (default: those
    of the settings). Rows of patients who were ``erased`` are left out and counted.

    Call it inside one transaction, and roll back if it raises. Every row is either staged or counted in ``conflict``.
    Every identifier becomes a keyed pseudonym; all record numbers of a person become the same one. Every date moves by
    the person's offset unless ``dates`` is ``kept``. Raises :class:`UserError` if a table or column is missing, if a
    file is malformed, or if no row of a table can be used.
    """
    location = location if isinstance(location, ExtractLocation) else ExtractLocation(location)
    require_day(location, adapter, extracted_on)
    with open_extract(connection, location, adapter) as unused:
        about = {"adapter": Path(adapter).name, "dates": dates, "key_id": keyring.key_id}
        _begin(connection, outcome or Outcome(), extracted_on, **about)
        _write_vocabulary(connection, catalogue)
        left_out = _leave_out(connection, keyring, erased or Exclusion())
        identifiers = _write_keys(connection, keyring, dates)
        identifiers["contact_kind"] = _write_kinds(connection, keyring, kinds or {}, statuses or {})
        run(connection, "staging/merged.sql")
        _note(connection, {**unused, **_stage_tables(connection, adapter)}, adapter)
        _count_unused_rows(connection, left_out)
        identifiers["word"] = _write_unlisted(connection, keyring)
        run(connection, "staging/end.sql")
    return StagingReport(row_counts(connection), conflicts(connection, adapter), identifiers)


def require_day(location: ExtractLocation, adapter: str, extracted_on: date | None) -> None:
    """Raise :class:`UserError` for a database without a day of extraction, unless its source moved the dates."""
    if extracted_on is None and location.database is not None and not has_own_calendar(adapter):
        raise UserError(
            "sources.extracted_on is not set: nothing says on which day the rows of the database were extracted",
            "set it to the last day whose records the database has (--set sources.extracted_on=2024-06-30): later "
            "rows, such as appointments, are set aside, and no result depends on the day of the run",
        )


def _begin(connection: duckdb.DuckDBPyConnection, outcome: Outcome, extracted_on: date | None, **about: str) -> None:
    """Make what all tables are staged with, and empty the counts; ``about``: further parameters of begin.sql."""
    for definition in DEFINITIONS:
        run(connection, definition)
    grace = {"contact_grace_days": outcome.contact_grace_days, "study_grace_days": outcome.study_grace_days}
    run(connection, "staging/begin.sql", **grace, **about, **_calendar(connection, extracted_on))


def _calendar(connection: duckdb.DuckDBPyConnection, extracted_on: date | None) -> dict[str, Any]:
    """Return ``calendar``, the source's own or the true one, and ``extracted_on``, the last day that a row may have."""
    calendar = scalar(connection, "adapters/calendar.sql")
    if calendar not in {"true", "own"}:
        raise UserError("calendar.sql of the adapter must yield 'true' or 'own'", "see docs/adapters.md")
    last_day = (extracted_on or date.today()) if calendar == "true" else LAST_MOVED_DATE
    return {"calendar": calendar, "extracted_on": last_day}


def merge_record_numbers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return record number -> the smallest number of the same person, for every number in ``pairs``.

    Pairs may form chains and cycles, in any order; every number ends with exactly one person.
    """
    parent: dict[str, str] = {}

    def root(number: str) -> str:
        parent.setdefault(number, number)
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {number: root(number) for number in parent}


def _leave_out(connection: duckdb.DuckDBPyConnection, keyring: Keyring, erased: Exclusion) -> dict[str, int]:
    """Let ``source_<table>`` yield no row of an erased patient, whatever record number it has; return table -> how many
    rows that left out."""
    if not erased.erased:
        return {}
    pairs = run(connection, "staging/same_person.sql").fetchall()
    person_of = merge_record_numbers(pairs)
    numbers = {number for (number,) in run(connection, "staging/record_numbers.sql").fetchall()} | set(person_of)
    found = {number for number in numbers if keyring.pseudonym("patient", number) in erased.patients}
    persons = {person_of.get(number, number) for number in found}
    gone = sorted(number for number in numbers if person_of.get(number, number) in persons)
    run(connection, "staging/erased_begin.sql", numbers=gone)
    for table in TABLES:
        connection.execute(query("staging/erased_view.sql").replace("{table}", table))
    connection.execute(query("staging/erased_identity.sql"))
    return {
        table: int(scalar(connection, "staging/erased_count.sql", table=f"whole_source_{table}")) for table in TABLES
    }


def _count_unused_rows(connection: duckdb.DuckDBPyConnection, erased: Mapping[str, int]) -> None:
    """Count the rows of ``erased`` patients (by table), empty tables, the patients in quarantine, and the rows that the
    adapter left out."""
    for table, rows in erased.items():
        run(connection, "staging/erased.sql", table=table, rows=rows)
    for count in ("staging/empty.sql", "staging/quarantined.sql", "staging/left_out.sql"):
        run(connection, count)


def _write_vocabulary(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue | None) -> None:
    words = pd.DataFrame(vocabulary(catalogue), columns=["field", "source_word", "term"], dtype="str")
    connection.append("vocabulary", words, by_name=True)


def _write_keys(
    connection: duckdb.DuckDBPyConnection, keyring: Keyring, dates: Literal["shifted", "kept"]
) -> dict[str, dict[str, str]]:
    merged = merge_record_numbers(run(connection, "staging/same_person.sql").fetchall())
    numbers = {number for (number,) in run(connection, "staging/record_numbers.sql").fetchall()} | set(merged)
    persons = pd.DataFrame({"patient_id": sorted(numbers)}, dtype="str")
    persons["alias_key"] = [keyring.pseudonym("patient", number) for number in persons["patient_id"]]
    persons["patient_key"] = [
        keyring.pseudonym("patient", merged.get(number, number)) for number in persons["patient_id"]
    ]
    persons["person_no"] = pd.factorize(persons["patient_key"], sort=True)[0]
    persons["shift"] = [keyring.shift_days(key) if dates == "shifted" else 0 for key in persons["patient_key"]]
    studies = pd.DataFrame(run(connection, "staging/study_numbers.sql").fetchall(), columns=["study_id"], dtype="str")
    studies["study_key"] = [keyring.pseudonym("study", number) for number in studies["study_id"]]
    connection.append("person", persons, by_name=True)
    connection.append("study_number", studies, by_name=True)
    return {
        "patient": dict(zip(persons["alias_key"], persons["patient_id"], strict=True)),
        "study": dict(zip(studies["study_key"], studies["study_id"], strict=True)),
    }


def _write_kinds(
    connection: duckdb.DuckDBPyConnection,
    keyring: Keyring,
    site_kinds: Mapping[str, bool],
    site_statuses: Mapping[str, bool],
) -> dict[str, str]:
    """Write what each kind and status of the extract's contacts proves; return hash -> text of those not listed."""
    run(connection, "staging/contact_begin.sql", denials=denials(), plans=plans())
    unlisted: dict[str, str] = {}

    def shown(text: str, is_listed: bool) -> str:
        return " ".join(text.split()) if is_listed else _hashed(keyring, "contact_kind", text, unlisted)

    kinds = []
    for (text,) in run(connection, "staging/contact_kinds.sql").fetchall():
        kind = read_kind(text, site_kinds)
        kinds.append((text, kind.proves, kind.term or None, shown(text, kind.is_listed)))
    states = []
    for (text,) in run(connection, "staging/contact_statuses.sql").fetchall():
        is_listed = read_status(text) != "unknown"
        states.append((text, read_status(text, site_statuses), shown(text, is_listed)))
    kind_rows = pd.DataFrame(kinds, columns=["kind", "proves", "term", "shown"], dtype="str")
    connection.append("contact_kind", kind_rows, by_name=True)
    connection.append(
        "contact_status", pd.DataFrame(states, columns=["status", "proves", "shown"], dtype="str"), by_name=True
    )
    return unlisted


def _hashed(keyring: Keyring, domain: str, text: str, unlisted: dict[str, str]) -> str:
    """Return how a text that may be prose is shown: by a keyed hash, which ``unlisted`` then has, and its length."""
    key = keyring.pseudonym(domain, text)[:HASH_CHARACTERS]
    unlisted[key] = text
    return f"#{key} ({len(text)} characters)"


def _write_unlisted(connection: duckdb.DuckDBPyConnection, keyring: Keyring) -> dict[str, str]:
    """Fill table ``unlisted_word``; return hash -> text of the words that are no codes of a closed vocabulary."""
    reasons = {(conflict[0], conflict[1]) for conflict in run(connection, "staging/conflicts.sql").fetchall()}
    if reasons & {("diagnosis", "UNKNOWN_VOCABULARY"), ("diagnosis", "NOT_A_CODE")}:
        run(connection, "staging/unlisted_diagnosis.sql")
    if reasons & {("medication", "UNKNOWN_DRUG_CLASS"), ("medication", "UNKNOWN_UNIT")}:
        run(connection, "staging/unlisted_medication.sql")
    found = run(connection, "staging/unlisted.sql", most=MOST_WORDS).fetchall()
    unlisted: dict[str, str] = {}
    rows = [
        (table, reason, word if is_public_code(reason, word) else _hashed(keyring, "word", word, unlisted), n)
        for table, reason, word, n in found
    ]
    for table, reason, system, word, n in run(connection, "staging/named.sql", most=MOST_WORDS).fetchall():
        is_shown = system is None or is_code_of(system, word)
        shown = " ".join(filter(None, (system, word))) if is_shown else _hashed(keyring, "word", word, unlisted)
        rows.append((table, reason, shown, n))
    words = pd.DataFrame(rows, columns=["table_name", "reason", "word", "rows"])
    if rows:
        connection.append("unlisted_word", words, by_name=True)
    return unlisted


Origins = Mapping[tuple[str, str], str]
"""(Canonical table, column) -> a description of the raw column that it comes from."""


def _stage_tables(connection: duckdb.DuckDBPyConnection, adapter: str) -> dict[str, str]:
    """Stage all tables; return raw table -> why none of the rows made of it can be used, of those that stop nothing."""
    column_origins, problems = origins(adapter), dict[str, str]()
    for table in TABLES:
        problem = _stage_table(connection, table, column_origins, is_dispensable(adapter, table))
        if problem:
            problems |= dict.fromkeys(raw_tables(adapter, table), problem)
    return problems


def _stage_table(
    connection: duckdb.DuckDBPyConnection, table: str, column_origins: Origins, is_dispensable: bool
) -> str:
    """Stage one table. Return why none of its rows can be used, if it is dispensable; empty if some can.

    Raises :class:`UserError` if no row of another table can be used.
    """
    run(connection, f"staging/{table}.sql")
    run(connection, "staging/account.sql", table=table)
    forms = _note_forms(connection, table)
    unusable = run(connection, "staging/unusable.sql", table=table).fetchall()
    if not unusable:
        return ""
    reason, count, example = unusable[0]
    whose = f" (for one, patient {example[:12]})" if example else ""
    problem = f"no row can be used, {reason} in all {count}{whose}"
    if not is_dispensable:
        remedies = [advice.remedy(one) for one in (reason, *forms)]
        raise UserError(f"{advice.where(table, reason, column_origins)}: {problem}", "; ".join(remedies))
    return problem


def _note_forms(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Note, and return as reasons, that most unread dates or numbers of a table have a form that an adapter can read.

    It reads the table once more, and only where more than :data:`FEW_UNREAD` of its rows were not read.
    """
    noted = []
    for (reason,) in run(connection, "staging/unread.sql", table=table, share=FEW_UNREAD).fetchall():
        helped: Counter[str] = Counter()
        for column in advice.column(table, reason).split("/"):
            macro, rows = best_help(connection, table, column)
            helped[advice.FORMS[macro]] += rows
        for form, rows in (+helped).items():
            noted.append(form)
            run(connection, "staging/form.sql", table=table, reason=form, rows=rows)
    return noted


def _note(connection: duckdb.DuckDBPyConnection, problems: Mapping[str, str], adapter: str) -> None:
    """Record each raw table that is not used, why, and what is missing without it."""
    fed = feeds(adapter)
    for table, problem in problems.items():
        run(connection, "staging/unused.sql", table=table, note=f"{problem}; missing without it: {fed[table][0]}")


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int, int]]:
    """Return table -> rows read, staged and dropped."""
    counts = run(connection, "staging/counts.sql").fetchall()
    return {table: (read, staged, dropped) for table, read, staged, dropped in counts}


def conflicts(connection: duckdb.DuckDBPyConnection, adapter: str) -> tuple[Conflict, ...]:
    """Return what staging through ``adapter`` could not use as it was; empty before anything was staged."""
    words: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for table, reason, word, count in run(connection, "staging/unlisted_words.sql").fetchall():
        words.setdefault((table, reason), []).append((word, count))
    described = origins(adapter)
    notes = {table: found[0][0] for (table, reason), found in words.items() if reason == UNUSED}
    return tuple(
        Conflict(
            table,
            reason,
            count,
            action,
            example,
            advice.where(table, reason, described),
            () if reason == UNUSED else tuple(words.get((table, reason), ())),
            notes[table] if reason == UNUSED else "",
        )
        for table, reason, count, action, example in run(connection, "staging/conflicts.sql").fetchall()
    )

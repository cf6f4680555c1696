"""Answers of a reader study: typed, checked against the cases, and laid out for the statistics.

A reader says of each case whether the patient was dead or alive a year after the study, without the model
(``unaided``) and with it (``aided``). Answers that would make the pairs unfair are rejected, not repaired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from echomort.core.errors import UserError
from echomort.evaluation.inputs import Booleans, Floats

UNAIDED, AIDED = "unaided", "aided"
CONDITIONS = (UNAIDED, AIDED)
DEAD, ALIVE = "dead", "alive"
MODEL, READERS = "model", "readers"
"""Names in the column ``model`` of the figures: no reader may have them."""
WORDS = ("reader_id", "case_id", "condition", "answer")
FIRST = "first_answer"
"""Optional: the answer before the reader went back and changed it; the same as ``answer`` where nothing was changed.
``answer`` counts."""
NUMBERS = ("confidence", "seconds", "seen_order")
"""Optional: 0 (a guess) to 100 (certain) in the answer given; how long it took; the place of the case, from 1."""
COLUMNS = (*WORDS, FIRST, *NUMBERS)
NAMED = 5
"""Cases that a message names; of further ones it gives the number. Chosen here, for short messages."""

Arm = tuple[str, str]
"""A reader and a condition."""


@dataclass(frozen=True)
class Reading:
    """A reader study ready for its statistics; every vector is (cases,), in one order.

    ``died``: the truth. ``model``, ``risk``: the frozen answers (True: dead) and risks (0 to 1). By reader and
    condition: ``answers`` (True: dead); ``confidence``, ``seconds`` and ``changed`` (1: the reader gave another answer
    first, else 0), NaN where the file does not say.
    """

    died: Booleans
    model: Booleans
    risk: Floats
    answers: Mapping[Arm, Booleans]
    confidence: Mapping[Arm, Floats]
    seconds: Mapping[Arm, Floats]
    changed: Mapping[Arm, Floats]

    def readers(self, condition: str) -> list[str]:
        """Return the readers under ``condition``."""
        return [reader for reader, arm in self.answers if arm == condition]

    @cached_property
    def paired(self) -> list[str]:
        """The readers under both conditions."""
        return [reader for reader in self.readers(UNAIDED) if (reader, AIDED) in self.answers]

    def right(self, answers: Booleans) -> Booleans:
        """Return whether each answer is correct."""
        return np.asarray(answers == self.died, dtype=bool)

    def rating(self, arm: Arm) -> Floats:
        """Return the confidence, counted towards dead or alive as answered: -100 to 100, NaN where not given."""
        return np.where(self.answers[arm], self.confidence[arm], -self.confidence[arm])


def typed(answers: pd.DataFrame, where: str = "the answers") -> pd.DataFrame:
    """Return :data:`COLUMNS` of ``answers`` (text or numbers) with words as text and numbers as float64, NaN if empty.

    Raises :class:`UserError` that names ``where``, the line (the header is line 1), the value and the remedy.
    """
    lacking = [name for name in WORDS if name not in answers.columns]
    if lacking:
        raise UserError(f"{where}: no column {', '.join(lacking)}", f"name the columns {', '.join(COLUMNS)}")
    words = {name: answers[name].fillna("").astype(str).str.strip() for name in WORDS}
    words[FIRST] = _first(answers)
    for name in ("condition", "answer", FIRST):
        words[name] = words[name].str.lower()
    table = pd.DataFrame(words | {name: _number(answers, name, where) for name in NUMBERS})
    _refuse(table, ~table["condition"].isin(CONDITIONS), "condition", where, "write unaided or aided")
    _refuse(table, ~table["answer"].isin((DEAD, ALIVE)), "answer", where, "write dead or alive (at one year)")
    _refuse(table, ~table[FIRST].isin((DEAD, ALIVE, "")), FIRST, where, "write dead or alive, or nothing")
    _refuse(table, table["reader_id"].isin(("", MODEL, READERS)), "reader_id", where, "call readers R1, R2 and so on")
    _refuse(table, ~table["confidence"].fillna(0).between(0, 100), "confidence", where, "write 0 to 100, or nothing")
    return table


def checked(answers: pd.DataFrame, cases: pd.DataFrame) -> Reading:
    """Return the study of typed ``answers`` (:data:`COLUMNS`) to ``cases``: case_id, died, answer (the model's, dead or
    alive), risk, fold (of the patient; -1 outside cross-validation).

    Raises :class:`UserError` where a case is unknown, answered twice, or not answered by a reader who answered others
    under that condition; where the model was trained on a patient; where all patients died or all lived.
    """
    trained = cases.loc[cases["fold"] >= 0, "case_id"].tolist()
    if trained:
        raise UserError(
            f"the model learnt from the patients of {_some(trained)}", "draw cases from patients set apart for readers"
        )
    if cases["died"].nunique() < 2:
        raise UserError("the cases hold deaths only, or survivors only", "draw cases of both")
    if answers.empty:
        raise UserError("there is no answer", "name the files that the readers sent back")
    _check_cases(answers, cases)
    parts = answers.groupby(["reader_id", "condition"])
    arms = {(str(reader), str(condition)): part for (reader, condition), part in parts}
    ordered = {arm: _in_order(part, cases["case_id"], arm) for arm, part in sorted(arms.items(), key=_place)}
    return Reading(
        died=cases["died"].to_numpy(dtype=bool),
        model=(cases["answer"] == DEAD).to_numpy(dtype=bool),
        risk=cases["risk"].to_numpy(dtype=np.float64),
        answers={arm: (part["answer"] == DEAD).to_numpy(dtype=bool) for arm, part in ordered.items()},
        confidence={arm: part["confidence"].to_numpy(dtype=np.float64) for arm, part in ordered.items()},
        seconds={arm: part["seconds"].to_numpy(dtype=np.float64) for arm, part in ordered.items()},
        changed={arm: _changed(part) for arm, part in ordered.items()},
    )


def _place(item: tuple[Arm, pd.DataFrame]) -> tuple[str, int]:
    (reader, condition), _ = item
    return reader, CONDITIONS.index(condition)


def _check_cases(answers: pd.DataFrame, cases: pd.DataFrame) -> None:
    unknown = answers.loc[~answers["case_id"].isin(cases["case_id"]), "case_id"].unique().tolist()
    if unknown:
        raise UserError(f"this study has no case {_some(unknown)}", "leave out answers of another study")
    twice = answers[answers.duplicated(["reader_id", "case_id", "condition"])]
    if len(twice):
        reader, condition = twice.iloc[0][["reader_id", "condition"]]
        repeated = _some(twice["case_id"].unique().tolist())
        raise UserError(
            f"{reader} answered {repeated} more than once ({condition})",
            "keep the answers that were saved last, name each file once",
        )


def _in_order(part: pd.DataFrame, case_ids: "pd.Series[str]", arm: Arm) -> pd.DataFrame:
    missing = case_ids[~case_ids.isin(part["case_id"])].tolist()
    if missing:
        reader, condition = arm
        raise UserError(
            f"{reader} has no {condition} answer to {_some(missing)}",
            f"let {reader} finish the page, or leave {reader}'s {condition} answers out",
        )
    return part.set_index("case_id").loc[case_ids.tolist()]


def _first(answers: pd.DataFrame) -> "pd.Series[str]":
    if FIRST not in answers.columns:
        return pd.Series("", index=answers.index)
    return answers[FIRST].fillna("").astype(str).str.strip()


def _changed(part: pd.DataFrame) -> Floats:
    changed = (part[FIRST] != part["answer"]).to_numpy(dtype=np.float64)
    return np.where(part[FIRST] == "", np.nan, changed)


def _number(answers: pd.DataFrame, name: str, where: str) -> "pd.Series[float]":
    if name not in answers.columns:
        return pd.Series(np.nan, index=answers.index)
    given = answers[name].where(answers[name].astype(str).str.strip() != "")
    numbers = pd.to_numeric(given, errors="coerce").astype(np.float64)
    _refuse(answers, given.notna() & ~np.isfinite(numbers), name, where, "write a number, or nothing")
    return numbers


def _refuse(table: pd.DataFrame, wrong: "pd.Series[bool]", name: str, where: str, remedy: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        value = str(table[name].iloc[rows[0]])[:40]
        raise UserError(f"{where}, line {rows[0] + 2}: {name} is {value!r}", remedy)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(str(name)[:40] for name in names[:NAMED]) + more

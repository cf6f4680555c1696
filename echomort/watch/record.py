"""The risks that were kept before outcomes were known, judged now that they are: all of them, and by group."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from echomort.evaluation.calibration import calibration_in_the_large, observed_expected
from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.interval import Interval
from echomort.evaluation.small_counts import releasable
from echomort.evaluation.subgroups import MISSING, subgroups
from echomort.evaluation.too_few import has_too_few_outcomes

GROUPS = ("vendor", "site", "year")
"""Columns by which kept risks are judged; years in the bands of the report."""
ALL = "all patients"


@dataclass(frozen=True)
class JudgedRisks:
    """The risks of the patients of ``group``: a name, or ``column=value``."""

    group: str
    patients: int
    deaths: int
    observed_expected: Interval
    """Deaths over the sum of the risks; 1 is ideal."""
    in_the_large: Interval
    """Calibration-in-the-large, in logits; 0 is ideal."""
    auc: Interval


def judged_risks(frame: pd.DataFrame, least: int, confidence: float) -> list[JudgedRisks]:
    """Return how the kept risks did among all patients and within groups; empty with too few outcomes.

    ``frame``: a row a patient: risk, label (0 or 1) and :data:`GROUPS`. A group is left out where it, or what
    subtraction leaves of it, has fewer than ``least`` deaths or survivors.
    """
    died = frame["label"].to_numpy(dtype=float) == 1
    if has_too_few_outcomes(died, least):
        return []
    members = {group: inside for group, inside in subgroups(frame[list(GROUPS)]) if not group.endswith(f"={MISSING}")}
    enough = [(group, inside) for group, inside in members.items() if not has_too_few_outcomes(died[inside], least)]
    shown: Sequence[str] = releasable(died, enough, least)
    return [_judged(ALL, frame, confidence), *(_judged(group, frame[members[group]], confidence) for group in shown)]


def _judged(group: str, rows: pd.DataFrame, confidence: float) -> JudgedRisks:
    died, risk = rows["label"].to_numpy(dtype=float), rows["risk"].to_numpy(dtype=float)
    return JudgedRisks(
        group,
        len(rows),
        int(died.sum()),
        observed_expected(died, risk, confidence),
        calibration_in_the_large(died, risk, confidence),
        delong_interval(died, risk, confidence),
    )

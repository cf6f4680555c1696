"""The one rule on small numbers: with too few deaths or survivors no figure of a model is a result.

The bound is ``evaluation.suppress_below_events``, of deaths and of survivors alike. Below it no AUC, no interval, no
comparison and no calibration is given, of all patients as of a group; the counts stay. In a part of the patients (a
group, a clinical score, an external model that scored some of them) the deaths are withheld too, since subtraction
would tell who they are. Three things are given nevertheless, as they are no results: the AUC of each fold, which
shows a spread; in the table of the warehouse that of permuted labels, which a check reads; and an AUC that is too good
to be true (``evaluation.suspicious_deaths``), since nobody may miss a leak.
"""

import numpy as np
import pandas as pd

from echomort.vocabulary.metric_table import NULL

SUPPRESSED = "suppressed"
"""How the method of a figure begins that is withheld with its deaths."""
NO_RESULT = "no result"
"""How the method of a figure begins that is withheld, beside counts that are given."""


def has_too_few_outcomes(died: np.ndarray, least: int) -> bool:
    """Return whether labels ``died`` (n,) hold fewer than ``least`` deaths, or fewer than ``least`` survivors."""
    return has_too_few(len(died), int(np.asarray(died, dtype=bool).sum()), least)


def has_too_few(patients: int, deaths: int, least: int) -> bool:
    """Return whether there are fewer than ``least`` deaths, or fewer than ``least`` survivors."""
    return min(deaths, patients - deaths) < least


def outcome_words(deaths: int, survivors: int) -> str:
    """Return both counts with their nouns.

    >>> outcome_words(1, 4)
    '1 death and 4 survivors'
    """
    dead, alive = "death" if deaths == 1 else "deaths", "survivor" if survivors == 1 else "survivors"
    return f"{deaths} {dead} and {survivors} {alive}"


def too_few_words(patients: int, deaths: int) -> str:
    """Return what stands in the place of a figure that is no result.

    >>> too_few_words(60, 4)
    'too few deaths (4)'
    """
    survivors = patients - deaths
    return f"too few deaths ({deaths})" if deaths <= survivors else f"too few survivors ({survivors})"


def suppressed(least: int) -> str:
    """Return the method of a figure of a part of the patients that is withheld because :func:`has_too_few_outcomes`."""
    return f"{SUPPRESSED}: fewer than {least} deaths or survivors"


def no_result(least: int) -> str:
    """Return the method of a figure of all patients that is withheld because :func:`has_too_few_outcomes`."""
    return f"{NO_RESULT}: fewer than {least} deaths or survivors"


def with_reasons(metrics: pd.DataFrame, least: int) -> pd.DataFrame:
    """Return rows of the metric table as a person may read them: those of permuted labels follow the rule too, and a
    column ``reason`` says why a row has no value; it is empty where there is one."""
    few = (metrics["events"] < least) | (metrics["n"] - metrics["events"] < least)
    hidden = metrics["evaluation"].eq(NULL) & few.fillna(False).astype(bool)
    shown = metrics.assign(method=metrics["method"].mask(hidden, no_result(least)))
    for column in ("value", "low", "high"):
        shown[column] = shown[column].mask(hidden)
    return shown.assign(reason=shown["method"].where(shown["value"].isna(), ""))

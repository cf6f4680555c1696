"""Two projects beside each other: what differs, what is withheld, and when there is a paired test."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.discrimination import auc
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.comparison import NOTHING_COMMON, OTHER_KEY, OTHER_OUTCOMES, TOO_FEW, Compared, Side, compared
from echomort.report.numbers import Numbers
from echomort.vocabulary.metric_table import COLUMNS, OUT_OF_FOLD
from orchestration.printing.comparison import comparison_lines

STUDIES = 80
LABELS = np.arange(STUDIES) % 3 == 0


def numbers(value: float, events: int = 27) -> Numbers:
    row = (OUT_OF_FOLD, "ehr", "all", AUC.name, value, value - 0.1, value + 0.1, STUDIES, events, "DeLong")
    return Numbers(pd.DataFrame([row], columns=list(COLUMNS)))


def scored(seed: int) -> pd.DataFrame:
    noise = np.random.default_rng(seed).normal(size=STUDIES)
    keys = [f"study{number}" for number in range(STUDIES)]
    return pd.DataFrame({"study_key": keys, "model": "ehr", "label": LABELS.astype(float), "logit": LABELS + noise})


def side(value: float = 0.7, seed: int = 1, **settings: object) -> Side:
    attrition = pd.DataFrame({"reason": ["STUDIES"], "studies": [STUDIES]})
    return Side(settings, attrition, numbers(value), "key", scored(seed))


def of_kind(kind: str, first: Side, second: Side) -> list[Compared]:
    return [row for row in compared(first, second) if row.kind == kind]


def test_only_settings_that_differ_are_named_and_paths_are_not() -> None:
    first, second = side(**{"cohort.folds": 5, "preset": "demo"}), side(**{"cohort.folds": 4, "preset": "demo"})
    (row,) = of_kind("setting", first, second)
    assert (row.name, row.first, row.second) == ("cohort.folds", "5", "4")
    (row,) = of_kind("setting", side(url="s3://secret"), side(url=None))
    assert (row.first, row.second) == ("given", "none")


def test_figures_stand_beside_each_other_with_their_difference() -> None:
    (row,) = of_kind("metric", side(0.7), side(0.8))
    assert row.name == "ehr/auc" and row.first["value"] == 0.7 and row.difference == pytest.approx(0.1)
    assert row.note == ""
    lines = list(comparison_lines([row.as_record()]))
    assert lines == ["Figures", "  EHR only, auc: 0.700 [0.600, 0.800] | 0.800 [0.700, 0.900] (difference +0.100)"]
    (row,) = of_kind("metric", side(0.7), replace(side(), numbers=numbers(0.8, events=3)))
    assert row.note == TOO_FEW


def test_the_paired_test_is_of_the_second_less_the_first() -> None:
    first, second = side(seed=1), side(seed=2)
    (row,) = of_kind("test", first, second)
    areas = [auc(LABELS.astype(int), one.scored["logit"]) for one in (first, second)]
    assert [row.first, row.second] == pytest.approx(areas)
    assert row.difference == pytest.approx(areas[1] - areas[0]) and "80 studies" in row.note
    (row,) = of_kind("test", first, first)
    assert row.difference == 0 and "p = 1," in row.note


def test_why_there_is_no_paired_test() -> None:
    plain, less = side(), side(seed=2)
    flipped = less.scored.assign(label=1 - less.scored["label"])
    others = less.scored.assign(study_key="other" + less.scored["study_key"])
    few = less.scored.head(20)
    cases = {
        OTHER_KEY: replace(less, key_id="another"),
        OTHER_OUTCOMES: replace(less, scored=flipped),
        NOTHING_COMMON: replace(less, scored=others),
        "fewer than 10 deaths or survivors in common studies": replace(less, scored=few),
    }
    for why, second in cases.items():
        (row,) = of_kind("test", plain, second)
        assert (row.first, row.second, row.difference, row.note) == (None, None, None, why)

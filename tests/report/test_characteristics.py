"""Table 1: its figures, and that no small group can be told from it, not even by subtraction."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.balance import standardised_difference
from echomort.report.data import ReportData
from echomort.report.disclosure import is_small, safe_groups
from echomort.report.numbers import Numbers
from echomort.report.sections.characteristics import characteristics, compared_parts
from echomort.vocabulary.metric_table import COLUMNS

LEAST = 10


def report_data(frame: pd.DataFrame) -> ReportData:
    none = pd.DataFrame()
    return ReportData("t", "s", True, none, none, none, (), {}, characteristics=frame, suppress_below_events=LEAST)


def tables(frame: pd.DataFrame) -> dict[str, dict[str, dict[str, str]]]:
    """Part -> label of the variable -> column -> text."""
    found = [table for section in characteristics(report_data(frame)) for table in section.tables]
    return {
        table.name.removeprefix("characteristics-"): {row["Characteristic"]: row for row in table.text_rows()}
        for table in found
    }


def patients(role: str, died: int, lived: int, unknown: int = 0, seed: int = 1, **shares: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = np.repeat([1.0, 0.0, np.nan], [died, lived, unknown])
    frame = pd.DataFrame({"role": role, "label": label, "lvef": rng.normal(50 - 8 * (label == 1), 10)})
    return frame.assign(**{name: (rng.random(len(label)) < share).astype(float) for name, share in shares.items()})


def test_the_figures_of_a_part_by_outcome():
    frame = patients("development", 100, 300, 40, dx_i50=0.4)
    found = tables(frame)["development"]["Heart failure"]
    for column, rows in (
        ("All", frame[frame["label"].notna()]),
        ("Died", frame[frame["label"] == 1]),
        ("Lived", frame[frame["label"] == 0]),
        ("Outcome unknown", frame[frame["label"].isna()]),
    ):
        yes = int(rows["dx_i50"].sum())
        assert found[column].replace("\u202f", " ") == f"{yes} ({round(100 * yes / len(rows))} %)"
    low, middle, high = np.quantile(frame.loc[frame["label"].notna(), "lvef"], (0.25, 0.5, 0.75))
    ejection = tables(frame)["development"]["LV ejection fraction (reported), %"]
    assert ejection["All"] == f"{middle:.0f} ({low:.0f}\N{EN DASH}{high:.0f})"
    assert ejection["Missing"] == "0\u202f%"


@pytest.mark.parametrize(
    ("first", "second", "binary", "expected"),
    [
        ([1, 1, 0, 0], [1, 0, 0, 0], True, 0.25 / np.sqrt((0.25 + 0.1875) / 2)),
        ([3.0, 5.0], [1.0, 3.0], False, 2 / np.sqrt(2.0)),
        ([2.0, 2.0], [2.0, 2.0], False, 0.0),
        ([1, 1], [0, 0], True, np.nan),
        ([1.0], [0.0, 2.0], False, np.nan),
    ],
)
def test_the_standardised_difference(first, second, binary, expected):
    assert standardised_difference(first, second, binary) == pytest.approx(expected, nan_ok=True)


def test_the_differences_are_of_outcomes_in_development_and_of_parts_elsewhere():
    frame = pd.concat([patients("development", 100, 300, dx_i50=0.4), patients("sealed", 60, 90, seed=2, dx_i50=0.6)])
    died, lived = (frame[(frame["role"] == "development") & (frame["label"] == label)] for label in (1, 0))
    found = tables(frame)
    assert list(found) == ["development", "sealed"]
    apart = standardised_difference(died["dx_i50"], lived["dx_i50"], True)
    assert float(found["development"]["Heart failure"]["Difference"].replace("\u2212", "-")) == round(apart, 2)
    parts = [frame.loc[frame["role"] == role, "dx_i50"] for role in ("sealed", "development")]
    apart = standardised_difference(*parts, True)
    assert float(found["sealed"]["Heart failure"]["Difference"].replace("\u2212", "-")) == round(apart, 2)
    assert compared_parts(report_data(frame)) == ["Sealed"]


def test_the_women_of_a_small_reader_set_cannot_be_subtracted():
    """48 % of 23 are women, 33 % of the 15 who lived: so 6 of the 8 who died were. As the old table printed it."""
    women = np.repeat([1.0, 0.0, 1.0, 0.0], [6, 2, 5, 10])
    reader = pd.DataFrame({"role": "reader", "label": np.repeat([1.0, 0.0], [8, 15]), "women": women})
    frame = pd.concat([patients("development", 100, 300, women=0.5), reader])
    row = tables(frame)["reader"]["Women"]
    assert [row[column] for column in ("Died", "Lived")] == ["withheld", "withheld"]
    assert row["All"] == "11 (48\u202f%)"


def counted(text: str, size: int) -> list[int]:
    """The counts that a cell allows for a group of ``size``."""
    if text in ("withheld", "\N{EM DASH}"):
        return list(range(size + 1))
    yes = re.match(r"(\d+) \(", text)
    if yes:
        return [int(yes[1])]
    share = int(re.sub(r"\D", "", text))
    return [yes for yes in range(size + 1) if round(100 * yes / size) == share]


@pytest.mark.parametrize("seed", range(80))
def test_no_small_cell_can_be_found_by_subtraction(seed):
    """An attacker who knows the size of every group tries all counts that the printed cells allow."""
    rng = np.random.default_rng(seed)
    died, lived = (int(rng.integers(0, 60)) for _ in range(2))
    part = patients("reader", died, lived, 7, seed=seed, dx_i50=rng.choice([0.0, 0.1, 0.3, 0.5, 0.95, 1.0]))
    frame = pd.concat([patients("development", 100, 300, dx_i50=0.4), part])
    row = tables(frame)["reader"].get("Heart failure")
    if row is None:
        return  # every figure is withheld
    assert row["Outcome unknown"] == "withheld"
    sizes = {"Died": died, "Lived": lived}
    whole = counted(row["All"], died + lived)
    ranges = [counted(row[name], size) for name, size in sizes.items()]
    allowed = [counts for counts in itertools.product(*ranges) if sum(counts) in whole]
    truth = [int(part.loc[part["label"] == label, "dx_i50"].sum()) for label in (1, 0)]
    assert tuple(truth) in allowed
    for place, (name, size) in enumerate(sizes.items()):
        if size and is_small((truth[place], size - truth[place]), LEAST):
            assert row[name] == "withheld"
            assert len({counts[place] for counts in allowed}) > 1


def test_the_protection_is_tried_where_it_matters():
    """20 of 40 who died and 3 of 30 who lived: with the sum, one of the two would give the other away."""
    yes = np.repeat([1.0, 0.0, 1.0, 0.0], [20, 20, 3, 27])
    part = pd.DataFrame({"role": "reader", "label": np.repeat([1.0, 0.0], [40, 30]), "dx_i50": yes})
    row = tables(pd.concat([patients("development", 100, 300, dx_i50=0.4), part]))["reader"]["Heart failure"]
    assert (row["All"], row["Died"], row["Lived"]) == ("23 (33\u202f%)", "withheld", "withheld")


def test_columns_with_missing_values_as_the_warehouse_gives_them():
    frame = patients("development", 100, 300, 40, dx_i50=0.4)
    nullable = frame.astype({"label": "Int8", "dx_i50": "Int32"})
    assert tables(nullable) == tables(frame)


def test_a_few_patients_of_unknown_outcome_cost_no_other_figure_and_are_in_no_sum():
    frame = patients("development", 100, 300, 6, dx_i50=0.4)
    row = tables(frame)["development"]["Heart failure"]
    known = frame[frame["label"].notna()]
    assert row["All"].startswith(f"{int(known['dx_i50'].sum())} (") and row["Outcome unknown"] == "withheld"
    assert all(re.match(r"\d+ \(", row[name]) for name in ("Died", "Lived"))


def test_a_few_missing_values_are_withheld_and_leave_no_count_to_find_them_by():
    frame = patients("development", 100, 300, women=0.5)
    frame.loc[[3, 200, 201], "women"] = np.nan
    row = tables(frame)["development"]["Women"]
    assert row["Missing"] == "withheld"
    assert all(re.fullmatch(r"\d+\u202f%", row[column]) for column in ("All", "Died", "Lived"))


def test_a_difference_is_withheld_where_a_figure_is():
    """With one share and the standardised difference the other share could be solved for."""
    frame = patients("development", 8, 300, dx_i50=0.5)
    row = tables(frame)["development"]["Heart failure"]
    assert (row["Died"], row["Difference"]) == ("withheld", "\N{EM DASH}")
    small = pd.concat([patients("development", 100, 300, dx_i50=0.5), patients("reader", 3, 4, dx_i50=0.5)])
    assert tables(small)["reader"] == {}
    assert compared_parts(report_data(small)) == []


def test_a_sum_without_anybody_in_a_category_hides_none_of_its_groups():
    assert safe_groups({"died": (8, 0), "lived": (30, 0)}, LEAST) is None
    assert safe_groups({"died": (20, 0), "lived": (30, 0)}, LEAST) == {"died", "lived"}


def test_a_site_without_patients_has_no_table():
    assert characteristics(report_data(pd.DataFrame(columns=["role", "label"]))) == []


def grouped(counts):
    """A metric table of one model with groups of (deaths, survivors), all with exact figures."""
    total = [sum(kind) for kind in zip(*counts.values(), strict=True)]
    parts = {"all": total} | {f"site={name}": both for name, both in counts.items()}
    limits = 0.7, 0.6, 0.8
    rows = [("out_of_fold", "ehr", part, "auc", *limits, sum(both), both[0], "x") for part, both in parts.items()]
    rows.append(("out_of_fold", "ehr", "site", "sensitivity_gap", 0.2, 0.1, 0.3, sum(total), total[0], "x"))
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.mark.parametrize("seed", range(60))
def test_the_deaths_of_a_small_group_cannot_be_found_from_the_others(seed):
    """An attacker works out the deaths of every group that has a figure; what is left belongs to the withheld ones."""
    random = np.random.default_rng(seed)
    counts = {str(one): tuple(map(int, random.integers(0, 40, 2))) for one in range(random.integers(2, 7))}
    numbers = Numbers(grouped(counts), LEAST)
    withheld = [name for name in counts if numbers.get("ehr", "auc", f"site={name}").is_suppressed]
    assert all(min(counts[name]) >= LEAST for name in counts if name not in withheld)
    left = [sum(counts[name][kind] for name in withheld) for kind in (0, 1)]
    if 0 < len(withheld) < len(counts):
        assert min(left) >= LEAST
    for name in withheld:
        figure = numbers.get("ehr", "auc", f"site={name}")
        assert np.isnan([figure.value, figure.low, figure.high]).all() and figure.events is None
    together = [name for name in withheld if min(counts[name]) >= LEAST]
    assert numbers.get("ehr", "sensitivity_gap", "site").is_suppressed == bool(together)


def test_no_group_is_withheld_without_a_small_one():
    numbers = Numbers(grouped({"1": (12, 30), "2": (11, 10), "3": (40, 90)}), LEAST)
    assert [numbers.get("ehr", "auc", f"site={one}").events for one in (1, 2, 3)] == [12, 11, 40]

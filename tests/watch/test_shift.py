"""What moved is found, and what did not move is called moved in no more than the stated share of looks."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from echomort.watch.shift import Limits, sentence, shifts, stability_index

LIMITS = Limits(false_alarms=0.05, smallest_shift=0.1, least=10)


def drawn(seed: int, before: int = 600, recent: int = 200, studies: int = 1, inputs: int = 12) -> pd.DataFrame:
    """Return a look in which nothing moved; each patient has ``studies`` of the same values."""
    generator = np.random.default_rng(seed)
    patients = before + recent
    frame = pd.DataFrame({"patient_key": [f"{number:08x}" for number in range(patients)]})
    frame["is_recent"] = np.arange(patients) >= before
    for number in range(inputs):
        frame[f"number {number}"] = generator.normal(size=patients)
    frame["vendor"] = generator.choice(["a", "b", "c"], patients, p=[0.6, 0.35, 0.05])
    frame.loc[generator.random(patients) < 0.2, "number 0"] = np.nan
    frame = pd.concat([frame] * studies, ignore_index=True)
    return frame.assign(study_key=[f"{number:08x}" for number in range(len(frame))])


@pytest.mark.parametrize("studies", [1, 4])
def test_what_did_not_move_is_called_moved_in_no_more_than_the_stated_share_of_looks(studies: int) -> None:
    looks = 200
    lax = Limits(false_alarms=0.05, smallest_shift=0, least=10)  # by the test alone, without the limit of the index
    alarms = sum(bool(sentence(shifts(drawn(seed, studies=studies), lax))) for seed in range(looks))
    assert alarms <= 0.05 * looks + 2 * (looks * 0.05 * 0.95) ** 0.5


def moved(frame: pd.DataFrame) -> dict[str, str]:
    return {shift.input: shift.words for shift in shifts(frame, LIMITS) if shift.moved}


def test_a_planted_shift_is_found_and_nothing_else() -> None:
    frame = drawn(1)
    frame.loc[frame["is_recent"], "number 3"] += 1
    assert list(moved(frame)) == ["number 3"]
    assert moved(frame)["number 3"].startswith("number 3: median ")


def test_a_new_scanner_is_named() -> None:
    frame = drawn(1)
    frame.loc[frame.index[frame["is_recent"]][:50], "vendor"] = "d"
    assert moved(frame) == {"vendor": "vendor: d in 0% before, 25% now"}


def test_lost_values_are_said_to_be_missing() -> None:
    frame = drawn(1)
    frame.loc[frame.index[frame["is_recent"]][:90], "number 2"] = np.nan
    assert moved(frame)["number 2"] == "number 2: not recorded in 0% before, 45% now"


def test_a_group_below_the_small_cell_is_never_told() -> None:
    frame = drawn(1, before=20000)
    frame["vendor"] = np.where(frame["patient_key"] < "0000000c", "rare", "a")  # 12 before; 9 now
    frame.loc[frame.index[frame["is_recent"]][:9], "vendor"] = "rare"
    few = shifts(frame, Limits(0.05, 0.01, 10))
    assert [shift.words for shift in few if shift.moved] in ([], ["vendor: other values than before"])
    assert not any("rare" in shift.words or "%" in shift.words for shift in few)


def test_too_few_patients_are_not_compared() -> None:
    assert shifts(drawn(1, recent=9), LIMITS) == []


def test_a_trifle_in_a_large_archive_is_no_warning() -> None:
    frame = drawn(1, before=40000, recent=40000, inputs=1)
    frame.loc[frame["is_recent"], "number 0"] += 0.1
    (found,) = [shift for shift in shifts(frame, LIMITS) if shift.input == "number 0"]
    assert found.p < 0.001 and not found.moved


def test_the_index_is_that_of_the_formula() -> None:
    table = np.array([[100.0, 300.0], [200.0, 200.0]]) * 1e6
    expected = (0.5 - 0.25) * np.log(0.5 / 0.25) + (0.5 - 0.75) * np.log(0.5 / 0.75)
    assert stability_index(table) == pytest.approx(expected, rel=1e-6)


def test_of_yes_and_no_the_share_of_yes_is_said() -> None:
    frame = drawn(1)
    frame["dx_stroke"] = (np.arange(len(frame)) % 10 == 0).astype(float)
    frame.loc[frame.index[frame["is_recent"]][:90], "dx_stroke"] = 1.0
    assert moved(frame) == {"dx_stroke": "dx_stroke: yes in 10% before, 50% now"}


def test_a_look_at_few_patients_does_not_load_the_library_of_tests() -> None:
    code = "import sys, echomort.watch.shift; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

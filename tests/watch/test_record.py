"""Kept risks are judged as they were when they were made, in groups large enough to be told."""

import numpy as np
import pandas as pd
import pytest

from echomort.watch.record import ALL, judged_risks


@pytest.fixture(scope="module")
def record() -> pd.DataFrame:
    """Right risks of one vendor, and of another risks that are twice too low in their odds."""
    generator = np.random.default_rng(1)
    risk = generator.beta(1, 4, 4000).clip(0.01, 0.9)
    vendor = np.where(np.arange(4000) % 2, "ge", "philips")
    odds = np.where(vendor == "ge", 2, 1) * risk / (1 - risk)
    label = (generator.random(4000) < odds / (1 + odds)).astype(int)
    return pd.DataFrame({"risk": risk, "label": label, "vendor": vendor, "site": None, "year": "2015 to 2019"})


def test_a_vendor_whose_risks_are_too_low_is_told_apart(record: pd.DataFrame) -> None:
    found = {one.group: one for one in judged_risks(record, 10, 0.999)}
    assert set(found) == {ALL, "vendor=ge", "vendor=philips", "year=2015 to 2019"}
    assert found["vendor=ge"].in_the_large.value == pytest.approx(np.log(2), abs=0.15)
    assert found["vendor=philips"].in_the_large.low < 0 < found["vendor=philips"].in_the_large.high
    assert found["vendor=ge"].observed_expected.low > 1
    assert found[ALL].auc.value == pytest.approx(0.75, abs=0.05)


def test_a_small_group_and_what_tells_of_it_are_left_out(record: pd.DataFrame) -> None:
    few = record.assign(vendor=np.where(np.arange(len(record)) < 15, "ge", "philips"))
    assert {one.group for one in judged_risks(few, 10, 0.95)} == {ALL, "year=2015 to 2019"}


def test_too_few_deaths_are_not_judged(record: pd.DataFrame) -> None:
    assert judged_risks(record[record["label"] == 0].assign(label=0), 10, 0.95) == []
    assert judged_risks(record.head(0), 10, 0.95) == []

"""The report judges the risks that were kept before outcomes, once enough of them are known."""

import numpy as np
import pandas as pd

from echomort.report.sections.kept_risks import kept_risks


def kept(patients: int) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    risk = generator.beta(1, 4, patients)
    frame = pd.DataFrame({"risk": risk, "label": (generator.random(patients) < risk).astype(int)})
    return frame.assign(vendor=np.where(np.arange(patients) % 3, "ge", "philips"), site=None, year="2015 to 2019")


def test_all_patients_and_groups_that_are_large_enough_have_their_figures() -> None:
    (section,) = kept_risks(kept(600), 10, 0.95)
    (table,) = section.tables
    names = [f"{row[0].text} {row[0].aside}".strip() for row in table.cells]
    assert names == ["All patients", "Vendor GE", "Vendor Philips", "Year 2015 to 2019"]
    assert [cell.text for cell in table.cells[0]][1] == "600"
    assert all(cell.aside for cell in table.cells[0][3:]), "every figure has its interval"


def test_nothing_is_shown_before_enough_outcomes_are_known() -> None:
    assert kept_risks(kept(20), 10, 0.95) == []
    assert kept_risks(kept(0), 10, 0.95) == []

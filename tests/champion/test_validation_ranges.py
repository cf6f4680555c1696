"""Those beyond what the development cohort holds are a group of a validation, and are counted."""

import pandas as pd

from echomort.champion.scoring import ScoredStudy
from echomort.champion.validation import judged_counts, with_ranges


def test_studies_beyond_are_a_group_and_a_count() -> None:
    served = [ScoredStudy(str(key), "c", "video", 1, 0.0, 0.5, 0.5, 0.5, "age" if key < 2 else "") for key in range(5)]
    frame = pd.DataFrame({"study_key": list("01234"), "patient_key": list("00234"), "label": [1.0, 0, 1, 0, None]})
    grouped = with_ranges(frame.assign(headline=True, followed_headline=True), served)
    assert grouped["ranges_of_cohort"].tolist() == ["beyond"] * 2 + ["within"] * 3
    counts = {what: numbers for what, *numbers in judged_counts(grouped)}
    assert counts["Beyond what the development cohort of the model holds"] == [2, 1]

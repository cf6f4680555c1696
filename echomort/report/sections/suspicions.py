"""The section that warns of results that are too good to be true; there is none where there are no such results."""

import pandas as pd

from echomort.evaluation.suspicions import REMEDY, suspicion_words
from echomort.report.blocks import Section, Words
from echomort.report.sections import ReportSection
from echomort.vocabulary.metric_table import TOO_GOOD

LEAD = (
    "The figures of this report can't be trusted. What is named here ranks patients by their outcome too well to be "
    f"true: {REMEDY}. The models of this run are not promoted."
)


def suspicions(metrics: pd.DataFrame) -> list[Section]:
    """Return the warning with every model and variable under suspicion."""
    found = metrics[metrics["evaluation"] == TOO_GOOD].rename(
        columns={"subset": "variable", "method": "predictor", "value": "auc"}
    )
    words = [f"{suspicion_words(row)}." for row in found.itertuples(index=False)]
    return [Section("suspicions", "Too good to be true", [Words(words, listed=True)], LEAD)] if words else []


REPORT_SECTION = ReportSection(place=5, build=lambda inputs: suspicions(inputs.data.metrics))

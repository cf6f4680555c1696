"""The rows of a reader study in the long form of table ``metric``."""

from dataclasses import dataclass

from echomort.evaluation.interval import Interval
from echomort.reader_study.answers import Reading
from echomort.vocabulary.metric_table import MetricRow

READER_STUDY = "reader_study"
EVERYONE = "readers and model"
ALONE, CHANGE = "alone", "aided vs unaided"
"""The subsets beside ``unaided`` and ``aided``."""
SHARES = ("sensitivity", "specificity", "accuracy")
AUC = "auc"
SAMPLE, FIXED = "_mrmc", "_fixed_readers"
"""Endings of the figures by Obuchowski and Rockette's analysis: readers as a sample, or these readers only. Multiple
readers, multiple cases (MRMC) is the field's word."""


@dataclass(frozen=True)
class Rows:
    """Writes rows that carry the counts of the study."""

    reading: Reading

    def row(self, name: str, subset: str, metric: str, interval: Interval) -> MetricRow:
        """Return one figure of the reader, the model or the pair ``name``."""
        method = f"{interval.method}; {interval.note}" if interval.note else interval.method
        limits, died = (interval.value, interval.low, interval.high), self.reading.died
        return MetricRow(READER_STUDY, name, subset, metric, *limits, len(died), int(died.sum()), method)

"""The sources that the methods text cites, and their BibTeX."""

import re
from collections.abc import Iterable
from importlib import resources

from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.benefit import NET_BENEFIT
from echomort.evaluation.metrics.calibration import BRIER, ICI
from echomort.evaluation.metrics.censoring import IPCW_AUC
from echomort.evaluation.metrics.comparisons import DELONG_P_HOLM
from echomort.evaluation.metrics.decisions import SENSITIVITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.checklists.facts import Facts

METHOD = "ulloacerna2021"
CHECKLIST, RISK_OF_BIAS, MODEL_CARD, TREES = "collins2024", "moons2025", "mitchell2019", "chen2016"
MEASURES: tuple[tuple[Metric, str, str], ...] = (
    (AUC, "Intervals and tests of areas under the curve", "delong1988"),
    (DELONG_P_HOLM, "Correction for several tests", "holm1979"),
    (ICI, "Integrated calibration index", "austin2019"),
    (BRIER, "Brier score", "brier1950"),
    (SENSITIVITY, "Intervals of sensitivity and specificity", "wilson1927"),
    (NET_BENEFIT, "Net benefit", "vickers2006"),
    (IPCW_AUC, "Weights for censoring", "uno2007"),
)
"""Measure, what it is in words, and its source."""
SCORES = {"prevent": "khan2024", "pce": "goff2014", "shfm": "levy2006", "maggic": "pocock2013"}
"""Clinical score -> its source."""


def measure_sources(facts: Facts) -> list[tuple[str, str]]:
    """Return (words, key of the source) of each measure that has a value."""
    known = {row["metric"] for row in facts.numbers.records() if row["value"] is not None}
    found = [(words, key) for metric, words, key in MEASURES if metric.name in known]
    threshold = facts.numbers.get(facts.best, SENSITIVITY.name)
    youden = threshold.is_known and "Youden" in threshold.method
    return [*found, ("Threshold of two classes (Youden's index)", "youden1950")] if youden else found


def score_sources(facts: Facts) -> list[tuple[str, str]]:
    """Return (label, key of the source) of each clinical score that has an AUC and a known source."""
    return [(words.label, SCORES[name]) for name, words in facts.numbers.estimable("score") if name in SCORES]


def bibliography(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of ``keys``. Raises :class:`KeyError` for a key without an entry."""
    text = resources.files("echomort.report.paper").joinpath("references.bib").read_text(encoding="utf-8")
    entries = {re.match(r"@\w+\{([^,]+),", entry)[1]: entry.strip() for entry in text.split("\n\n")}  # type: ignore[index]
    return "\n\n".join(entries[key] for key in dict.fromkeys(keys)) + "\n"

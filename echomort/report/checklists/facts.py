"""What the run knows, from which the items are answered, and what an answer is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from echomort.evaluation.metrics.censoring import DEATH_SHARE, LOST
from echomort.report.data import ReportData
from echomort.report.numbers import Figure, Numbers
from echomort.report.scores import ModelScores
from echomort.report.words import in_sentence, readable
from echomort.vocabulary.metric_table import TOO_GOOD

Status = Literal[
    "reported", "not done", "for the site to answer", "yes", "probably yes", "probably no", "no", "no information"
]
"""The first three are of TRIPOD+AI's items, the others of PROBAST+AI's questions."""
CLUSTERS = ("site", "hospital", "centre", "vendor", "manufacturer", "device", "study_year", "year")
"""Variables of groups that make clusters in the sense of TRIPOD+AI."""


@dataclass(frozen=True)
class Reply:
    """An answer to one item: its status and the words. No words: the run lacks what it takes."""

    status: Status
    words: str


@dataclass(frozen=True)
class Facts:
    """The data from which the items are answered."""

    data: ReportData
    numbers: Numbers
    scores: Mapping[str, ModelScores]

    @property
    def settings(self) -> Mapping[str, Any]:
        """Setting keys to values."""
        return self.data.setting_values

    @property
    def takes_later_values(self) -> bool:
        """Whether values from outside the study may be from after it."""
        return self.settings.get("features.outside_values") == "nearest"

    @property
    def best(self) -> str:
        """The main model of the report; empty where there is none."""
        return self.numbers.best() or ""

    @property
    def lost(self) -> Figure:
        """The patients whose follow-up ends before the horizon."""
        return self.numbers.get("cohort", LOST.name)

    @property
    def death_share(self) -> Figure:
        """The share of deaths within the horizon by Kaplan-Meier."""
        return self.numbers.get("cohort", DEATH_SHARE.name)

    @property
    def labelled_share(self) -> Figure:
        """The share of the labelled patients who died."""
        return self.numbers.get("cohort", "prevalence")

    @property
    def groups(self) -> list[str]:
        """The variables of groups of which at least one has an AUC, as inside a sentence."""
        return [in_sentence(readable(name)) for name in self._grouped() if name not in CLUSTERS]

    @property
    def clusters(self) -> list[str]:
        """The clusters within which performance is known, as inside a sentence."""
        return [in_sentence(readable(name)) for name in self._grouped() if name in CLUSTERS]

    def _grouped(self) -> list[str]:
        found = self.numbers.subsets(self.best)
        names = [subset.partition("=")[0] for subset, figure in found if "=" in subset and figure.is_known]
        return list(dict.fromkeys(names))

    @property
    def has_suspicions(self) -> bool:
        """Whether a model or a variable is too good to be true."""
        return bool((self.data.metrics["evaluation"] == TOO_GOOD).any())

    def check_passed(self, name: str) -> bool | None:
        """Return whether the check ``name`` passed; None where it was not made."""
        checks = self.data.checks
        found = checks.loc[checks["check"] == name, "passed"]
        return None if found.empty else bool(found.all())

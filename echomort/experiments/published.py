"""What the preprint did and found in each experiment.

Every number here is a fact of ``echomort/method/facts.csv`` whose ``decides`` is ``experiment:NAME``: nothing else may
be called published. Where the preprint gives a range or words, the range or the words are quoted.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from echomort.experiments.words import VARIABLES
from echomort.method import SOURCES, Fact, facts
from echomort.vocabulary.model_names import ALL_VIEWS

UNKNOWN = "no number of the preprint is known"
"""Why a cell has nothing of the preprint beside it."""


@dataclass(frozen=True)
class Experiment:
    """One experiment: its ``name``, a ``title``, its ``place`` in the preprint (empty where it has none), and what the
    authors ``did``, in this project's words."""

    name: str
    title: str
    place: str
    did: str

    @property
    def found(self) -> tuple[Fact, ...]:
        """The facts that the preprint reports for it."""
        return tuple(fact for fact in facts("results") if fact.decides == f"experiment:{self.name}")


@dataclass(frozen=True)
class Quoted:
    """What the preprint gives for a cell: its words or number as ``text``, and its ``source``; as numbers ``low`` to
    ``high`` where it is a number or a range."""

    text: str
    source: str
    low: float | None = None
    high: float | None = None


EXPERIMENTS: Mapping[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "figure2",
            "Views and networks",
            "figure 2 and extended figure 2",
            "The preprint trained models for each of 21 views with a 3-D CNN and with a 2-D CNN with LSTM, in five "
            "folds, one study a patient (figure 2), and compared these with their variants with global average pooling "
            "(GAP; extended figure 2).",
        ),
        Experiment(
            "figure3",
            "Horizons",
            "figure 3",
            "The preprint trained on deaths within 3, 6, 9 and 12 months. For each horizon it left out the studies "
            "without enough follow-up and then drew one study a patient.",
        ),
        Experiment(
            "table1",
            "Inputs: video and records",
            "table 1",
            "The preprint trained on no video, one view or all views, each without records, with ten variables and "
            "with all 158, and judged every model on 600 patients set aside, half of whom died within a year.",
        ),
        Experiment(
            "figure5",
            "Learning curve",
            "figure 5",
            "The preprint trained on growing numbers of studies, with video and on the records alone.",
        ),
        Experiment(
            "resolution",
            "Resolution",
            "extended figure 4",
            "The preprint reduced the frames by 4; it compared this with reductions by 1 (native), 2 and 3.",
        ),
        Experiment(
            "flow",
            "Optical flow",
            "extended figure 5",
            "The preprint gave the optical flow (Farneback) to a second, independent 3-D branch beside that of the "
            "video.",
        ),
        Experiment(
            "inputs",
            "Raw and annotated video",
            "",
            "The preprint trained on raw video. No comparison with annotated video is known of it: this experiment is "
            "this project's own.",
        ),
        Experiment(
            "study",
            "Whole studies",
            "",
            "The preprint joined all views in one model; how is not said. This experiment is this project's own: a "
            "model of whole studies with attention over their clips, which learns from censored patients, beside "
            "each view alone, the mean of the views, their stack and their joint network.",
        ),
    )
}
"""The experiments by name, in the order of the preprint."""

VIDEO = {None: "no video", ALL_VIEWS: "all views"}
"""View of a cell -> how facts of Table 1 name it; any other is one view."""
SINGLE_VIEWS = {
    "cnn_3d": "AUC of single views, 3-D network, five folds",
    "cnn_2d_lstm": "AUC of single views, 2-D network with LSTM, five folds",
}
"""Network -> the fact with its range over the views."""
OVER_VIEWS = "over its views"
"""What a range of single views is over."""
OF_HORIZONS = "AUC at 3, 6, 9 and 12 months"
CURVES = {ALL_VIEWS: "Learning curve with video", None: "Learning curve of the records alone"}
"""View of a cell -> the fact on its learning curve: the preprint's with video is of the studies with all views."""
WHOLE_EXPERIMENT = {"resolution": "Difference between the reductions", "flow": "Gain by optical flow"}
"""Experiment -> the fact that holds for all its cells."""


def quoted(experiment: str, view: str | None, network: str | None, variables: str) -> Quoted | None:
    """Return what the preprint gives for a cell of ``experiment``; None where nothing is known."""
    name = _fact_name(experiment, view, network, variables)
    fact = _by_name().get(name or "")
    if fact is None:
        return None
    numbers = [float(number) for number in re.findall(r"\d\.\d+", fact.value)]
    low, high = (numbers[0], numbers[-1]) if numbers else (None, None)
    text = f"{fact.value}, {OVER_VIEWS}" if experiment == "figure2" else fact.value
    return Quoted(text, f"{SOURCES[fact.status]}, {fact.source}", low, high)


def lowest_at_any_horizon() -> float:
    """Return the AUC that all of figure 3 are above."""
    return float(re.findall(r"\d\.\d+", _by_name()[OF_HORIZONS].value)[0])


def _fact_name(experiment: str, view: str | None, network: str | None, variables: str) -> str | None:
    if experiment == "table1":
        return f"AUC, {VIDEO.get(view, 'one view')}, {VARIABLES.get(variables, '')}"
    if experiment == "figure2":
        return SINGLE_VIEWS.get(network or "") if variables == "none" else None
    if experiment == "figure3":
        return OF_HORIZONS
    if experiment == "figure5":
        return CURVES.get(view)
    return WHOLE_EXPERIMENT.get(experiment)


@functools.cache
def _by_name() -> dict[str, Fact]:
    """Return the facts of all experiments by name, without the remark in brackets that a name may end with."""
    return {fact.name.partition(" (")[0]: fact for experiment in EXPERIMENTS.values() for fact in experiment.found}

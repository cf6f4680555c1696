"""What the development cohort holds: a range of each variable of the health record, and of how the loops of each view
look. A study beyond them is unlike any that the models learnt from; its risk says so.

Reject options of this kind need no second model (Chow, IEEE Trans. Inf. Theory 1970;16:41, is the first); ranges say in
words of the field what is unusual, which a distance in the space of a network does not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from echomort.watch.appearance import appearance

AGE, VIEW = "age", "view"
LOOP = {"brightness": "loop brightness", "contrast": "loop contrast", "noise": "loop noise"}
"""Measure of a loop's appearance -> its name among what is beyond."""
EDGES = (0.005, 0.5, 0.995)
"""Percentiles that a range is made from: the median, and those that leave out the one in a hundred that is most often a
slip of a device or a pen. Our choice."""
WIDENED = 0.5
"""Share of its distance to the median by which each edge is moved outwards, each by its own, since laboratory values
are skewed. Our choice: of normal values one in ten thousand is beyond (3.9 standard deviations), of log-normal ones of
a spread of 1 one in six hundred, so that few of a study's dozens of values are beyond by chance."""
FEW = 10
"""Different values up to which a variable is a grade or a yes and no: its range is what was seen. Our choice, as in the
watch."""
LEAST = 30
"""Values, of as many studies, below which nothing is known of a range. Our choice: a new value is by chance beyond all
of thirty others in one of fifteen cases."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """Ranges of the ``variables`` by name, and of the measures of loops by view; both empty where nothing is known, as
    in candidates of earlier releases."""

    variables: Mapping[str, Range] = field(default_factory=dict)
    loops: Mapping[str, Mapping[str, Range]] = field(default_factory=dict)

    @classmethod
    def learnt(cls, features: pd.DataFrame, looks: Mapping[str, pd.DataFrame], ages: Range) -> "Ranges":
        """Return the ranges of ``features`` (a row a study, a column a variable) and of ``looks`` (view -> a row a
        loop, a column a measure); that of the age lies within ``ages``, the limits of the cohort."""
        variables = _ranges(features)
        low, high = variables.get(AGE, ages)
        variables[AGE] = max(low, ages[0]), min(high, ages[1])
        return cls(variables, {view: _ranges(table) for view, table in looks.items()})

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Ranges":
        """Return what :meth:`as_record` told."""
        variables = {name: (low, high) for name, (low, high) in record.get("variables", {}).items()}
        loops = {
            view: {name: (low, high) for name, (low, high) in measures.items()}
            for view, measures in record.get("loops", {}).items()
        }
        return cls(variables, loops)

    def as_record(self) -> dict[str, Any]:
        """Return the ranges as JSON has them."""
        loops = {view: {name: list(one) for name, one in measures.items()} for view, measures in self.loops.items()}
        return {"variables": {name: list(one) for name, one in self.variables.items()}, "loops": loops}

    def beyond_in_loop(self, pixels: NDArray[np.uint8], view: str) -> tuple[str, ...]:
        """Return what of a loop (frames, height, width) is beyond: how it looks, or its ``view``, if no model has it.

        A loop without any tissue has no measure, and is beyond wherever the others have one.
        """
        if view in self.loops:
            return self.beyond_in_look(appearance(pixels), view)
        return (VIEW,) if self.loops else ()

    def beyond_in_look(self, measured: Mapping[str, float], view: str) -> tuple[str, ...]:
        """Return what is beyond of how a loop of a ``view`` that has ranges looks, by its measures."""
        return tuple(LOOP[name] for name, one in self.loops[view].items() if not _holds(one, measured[name]))

    def beyond_in_study(self, record: Mapping[str, Any], loops: Sequence[Collection[str]]) -> tuple[str, ...]:
        """Return what of a study is beyond: variables of its ``record``, where known, and what is beyond in half of the
        ``loops`` that its risk rests on, or more: one odd loop among many decides little."""
        known = {name: record[name] for name in self.variables if not pd.isna(record.get(name))}
        found = [name for name, value in known.items() if not _holds(self.variables[name], float(value))]
        often = [name for name in (*LOOP.values(), VIEW) if _is_often(name, loops)]
        return (*(name.replace("_", " ") for name in found), *often)


def studies_within(studies: pd.DataFrame, looks: pd.DataFrame, ages: Range) -> set[str]:
    """Return the keys of the ``studies`` of which nothing is beyond what the other folds hold.

    ``studies`` has a row a study: study_key, fold and the variables. ``looks`` has a row a loop: study_key, view and
    the measures. ``ages`` as in :meth:`Ranges.learnt`. So a study is compared with others alone, as one that comes
    after the development cohort is.
    """
    shown = {str(study): part for study, part in looks.groupby("study_key")}
    within = set()
    for fold, part in studies.groupby("fold"):
        ranges = _ranges_without(fold, studies, looks, ages)
        for record in part.to_dict("records"):
            loops = shown.get(record["study_key"], looks[:0])
            known = loops[loops["view"].isin(ranges.loops)]
            odd = [
                ranges.beyond_in_look(dict(zip(LOOP, measures, strict=True)), view)
                for view, *measures in known[["view", *LOOP]].itertuples(index=False)
            ]
            if not ranges.beyond_in_study({str(name): value for name, value in record.items()}, odd):
                within.add(str(record["study_key"]))
    return within


def _ranges_without(fold: object, studies: pd.DataFrame, looks: pd.DataFrame, ages: Range) -> Ranges:
    """Return what the other folds hold, by one loop a study and view."""
    others = studies[studies["fold"] != fold]
    loops = looks[looks["study_key"].isin(others["study_key"])].drop_duplicates(["view", "study_key"])
    by_view = {str(view): part[list(LOOP)] for view, part in loops.groupby("view")}
    return Ranges.learnt(others.drop(columns=["study_key", "fold"]), by_view, ages)


def _ranges(table: pd.DataFrame) -> dict[str, Range]:
    """Return the range of each column of ``table`` that has one."""
    numbers = {str(name): pd.to_numeric(table[name], errors="coerce").dropna().to_numpy(float) for name in table}
    return {name: _range(values) for name, values in numbers.items() if len(values) >= LEAST}


def _range(values: NDArray[np.float64]) -> Range:
    if len(np.unique(values)) <= FEW:
        return float(values.min()), float(values.max())
    low, middle, high = np.quantile(values, EDGES)
    return float(low - WIDENED * (middle - low)), float(high + WIDENED * (high - middle))


def _holds(one: Range, value: float) -> bool:
    return one[0] <= value <= one[1]


def _is_often(name: str, loops: Iterable[Collection[str]]) -> bool:
    beyond = [name in one for one in loops]
    return 2 * sum(beyond) >= len(beyond) > 0

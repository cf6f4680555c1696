"""What the cells of an experiment show against each other, in sentences whose words follow the numbers.

Two AUCs are called different only where their intervals lie apart. That is stricter than a paired test, which an
experiment does not make: the models of a pair share most of their patients.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from echomort.experiments.results import Result
from echomort.experiments.words import VARIABLES, horizon_name, network_name, picture_name, video_name
from echomort.report.words import number, signed, span
from echomort.vocabulary.model_names import ALL_VIEWS

UNCLEAR = "no difference is shown"
RULE = (
    "Higher and lower are said only where the two {level} intervals lie apart. Where they overlap, no difference is "
    "shown; that does not prove that there is none. It is no paired test."
)
MOST_NAMED = 3
"""Pairs that a sentence names; more are counted. Chosen here, so that it can be read: the table has all."""


@dataclass(frozen=True)
class Difference:
    """The AUC of ``first`` less that of ``second``. ``what``: which two are compared; ``where``: what both have in
    common."""

    what: str
    where: str
    first: Result
    second: Result

    @property
    def value(self) -> float:
        """The difference of the AUCs."""
        return self.first.area.value - self.second.area.value

    @property
    def direction(self) -> str:
        """``higher``, ``lower`` or ``no difference is shown``."""
        if _apart(self.first, self.second):
            return "higher"
        return "lower" if _apart(self.second, self.first) else UNCLEAR

    @property
    def words(self) -> str:
        """``higher by 0.031 (0.812 against 0.781, intervals apart)``."""
        areas = f"{number(self.first.area.value)} against {number(self.second.area.value)}"
        if not (self.first.has_interval and self.second.has_interval):
            return f"{UNCLEAR} ({signed(self.value)}, {areas}, without both intervals)"
        if self.direction == UNCLEAR:
            return f"{UNCLEAR} ({signed(self.value)}, {areas}, intervals overlap)"
        return f"{self.direction} by {number(abs(self.value))} ({areas}, intervals apart)"


def differences(found: Sequence[Result]) -> list[Difference]:
    """Return the comparisons of an experiment, of the cells that have an AUC."""
    known = [result for result in found if result.is_known]
    return list(COMPARED[known[0].experiment](known)) if known else []


def sentences(found: Sequence[Result]) -> list[str]:
    """Return what the cells show, in sentences; none where no two can be compared."""
    by_what: dict[str, list[Difference]] = {}
    for difference in differences(found):
        by_what.setdefault(difference.what, []).append(difference)
    said = [_sentence(what, pairs) for what, pairs in by_what.items()]
    return [*_highest(found), *said]


def _sentence(what: str, pairs: Sequence[Difference]) -> str:
    if len(pairs) == 1:
        return f"AUC, {what}: {_listed(pairs[0])}."
    clear = [_named(direction, pairs) for direction in ("higher", "lower")]
    unclear = sum(pair.direction == UNCLEAR for pair in pairs)
    if unclear == len(pairs):
        return f"AUC, {what}: {UNCLEAR} in {'either' if len(pairs) == 2 else 'any'} of {len(pairs)} pairs."
    left = f"; in {unclear} {UNCLEAR}" if unclear else ""
    return f"AUC, {what}, of {len(pairs)} pairs: {', '.join(filter(None, clear))}{left}."


def _named(direction: str, pairs: Sequence[Difference]) -> str:
    """Return in how many pairs the first is ``higher`` or ``lower``, and in which; nothing where there are none."""
    found = sorted((pair for pair in pairs if pair.direction == direction), key=lambda pair: -abs(pair.value))
    if not found:
        return ""
    named = [f"{pair.where} by {number(abs(pair.value))}" for pair in found[:MOST_NAMED]]
    more = [f"{len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return f"{direction} in {len(found)} ({', '.join([*named, *more])})"


def _listed(pair: Difference) -> str:
    return f"{pair.where}, {pair.words}" if pair.where else pair.words


def _highest(found: Sequence[Result]) -> Iterator[str]:
    """Yield which view has the highest AUC with each network of figure 2, and with which it is shown to be the best."""
    known = [result for result in found if result.is_known and result.experiment == "figure2"]
    unclear = []
    for _, (network, _), cells in _grouped(known, lambda cell: (cell.network, cell.variables)):
        first, *others = sorted(cells, key=lambda cell: -cell.area.value)
        best = f"{network_name(network)}: {video_name(first.view)} {number(first.area.value)}"
        if others and all(_apart(first, other) for other in others):
            yield f"AUC, {best} is the best view; its interval ({_limits(first)}) lies above those of all others."
        elif others:
            unclear.append(best)
    if unclear:
        yield f"No view is shown to be the best; the highest is not apart from all others ({'; '.join(unclear)})."


def _apart(higher: Result, lower: Result) -> bool:
    """Whether the interval of the one lies above that of the other."""
    return higher.has_interval and lower.has_interval and higher.area.low > lower.area.high


def _limits(result: Result) -> str:
    return span(result.area.low, result.area.high)


Key = Callable[[Result], tuple[Any, ...]]


def _grouped(found: Sequence[Result], key: Key) -> Iterator[tuple[str, tuple[Any, ...], list[Result]]]:
    """Yield (inputs of the first, key, cells) for the cells of each key, in the order of the cells."""
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for result in found:
        groups.setdefault(key(result), []).append(result)
    for value, cells in groups.items():
        yield cells[0].inputs, value, cells


def _against(
    found: Sequence[Result], key: Key, reference: Callable[[Result], bool], name: Callable[[Result], str]
) -> Iterator[Difference]:
    """Yield every cell of a group against its reference cell, by kind of cell."""
    pairs = [
        Difference(f"{name(cell)} against {name(base)}", where, cell, base)
        for where, _, cells in _grouped(found, key)
        for base in filter(reference, cells)
        for cell in cells
        if cell is not base
    ]
    yield from sorted(pairs, key=lambda pair: list(dict.fromkeys(one.what for one in pairs)).index(pair.what))


def _networks(found: Sequence[Result]) -> Iterator[Difference]:
    def key(cell: Result) -> tuple[Any, ...]:
        return cell.view, cell.variables

    return _against(found, key, lambda cell: cell.network == "cnn_3d", lambda cell: network_name(cell.network))


def _horizons(found: Sequence[Result]) -> Iterator[Difference]:
    """Yield the longest horizon of each view against the shortest."""
    for where, _, cells in _grouped(found, lambda cell: (cell.view, cell.variables)):
        first, last = cells[0], cells[-1]
        if first.horizon_days < last.horizon_days:
            what = f"{horizon_name(last.horizon_days)} against {horizon_name(first.horizon_days)}"
            yield Difference(what, where, last, first)


def _inputs(found: Sequence[Result]) -> Iterator[Difference]:
    """Yield video and records against the records alone, and against the video alone; all views against one."""
    for _, _, cells in _grouped([cell for cell in found if cell.variables != "none"], lambda cell: (cell.variables,)):
        for base, cell in itertools.product(cells, cells):
            if base.view is None and cell.view is not None:
                yield Difference("video and records against the records alone", cell.inputs, cell, base)
    with_video = [cell for cell in found if cell.view is not None]
    for _, _, cells in _grouped(with_video, lambda cell: (cell.view,)):
        for base, cell in itertools.product(cells, cells):
            if base.variables == "none" and cell.variables != "none":
                yield Difference("video and records against the video alone", cell.inputs, cell, base)
    for _, (variables,), cells in _grouped(with_video, lambda cell: (cell.variables,)):
        for base, cell in itertools.product(cells, cells):
            if cell.view == ALL_VIEWS != base.view:
                yield Difference("all views against one", VARIABLES.get(variables, variables), cell, base)


def _curve(found: Sequence[Result]) -> Iterator[Difference]:
    """Yield the most patients of each curve against the fewest, and against the step before."""
    ends: list[tuple[str, str, Result, Result]] = []
    for where, _, cells in _grouped(found, lambda cell: (cell.view, cell.network, cell.variables)):
        if len(cells) > 1:
            ends.append(("most patients against fewest", where, cells[-1], cells[0]))
        if len(cells) > 2:
            ends.append(("most patients against the step before", where, cells[-1], cells[-2]))
    for pair in sorted(ends, key=lambda end: end[0] != "most patients against fewest"):
        yield Difference(*pair)


def _pictures(reference: str) -> Callable[[Sequence[Result]], Iterator[Difference]]:
    """Return the comparison of every picture with that of the name ``reference``, in each view."""

    def compared(found: Sequence[Result]) -> Iterator[Difference]:
        def key(cell: Result) -> tuple[Any, ...]:
            return cell.view, cell.variables

        return _against(found, key, lambda cell: cell.picture == reference, lambda cell: picture_name(cell.picture))

    return compared


def _study_model(found: Sequence[Result]) -> Iterator[Difference]:
    """Yield the model of whole studies against every other of the same patients at the same horizon."""
    for cell in [cell for cell in found if cell.network == "study_model"]:
        for base in found:
            if base.network not in ("study_model", "stack_within") and base.horizon_days == cell.horizon_days:
                name = network_name(base.network) if base.view == ALL_VIEWS else "one view alone"
                where = horizon_name(cell.horizon_days)
                where += "" if base.view == ALL_VIEWS else f", {video_name(base.view)}"
                yield Difference(f"{network_name(cell.network)} against {name}", where, cell, base)


COMPARED: dict[str, Callable[[Sequence[Result]], Iterator[Difference]]] = {
    "figure2": _networks,
    "figure3": _horizons,
    "table1": _inputs,
    "figure5": _curve,
    "resolution": _pictures("reduction_4"),
    "flow": _pictures("clips"),
    "inputs": _pictures("annotated"),
    "study": _study_model,
}
"""Experiment -> which of its cells are compared."""

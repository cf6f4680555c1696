"""The items of the checklists with their answers."""

import csv
from collections.abc import Callable, Iterator, Mapping
from importlib import resources

from echomort.core.errors import UserError
from echomort.report.checklists.facts import Facts, Reply
from echomort.report.checklists.probast import QUESTIONS
from echomort.report.checklists.tripod_methods import METHODS
from echomort.report.checklists.tripod_results import RESULTS
from echomort.report.sections import Answer


def tripod_answers(facts: Facts) -> dict[str, Answer]:
    """Return item of TRIPOD+AI -> answer, for every item. Raises :class:`UserError` naming those without an answer."""
    return _answered("tripod_ai.csv", ("item", "topic"), {**METHODS, **RESULTS}, facts)


def probast_answers(facts: Facts) -> dict[str, Answer]:
    """Return question of PROBAST+AI -> answer; D is of development, E of evaluation."""
    return _answered("probast_ai.csv", ("question", "domain"), QUESTIONS, facts)


def _answered(
    file: str, columns: tuple[str, str], replies: Mapping[str, Callable[[Facts], Reply]], facts: Facts
) -> dict[str, Answer]:
    key, group = columns
    items = {row[key]: f"{row[group]}: {row['asks']}" for row in _rows(file)}
    found = {item: replies[item](facts) for item in items}
    empty = [item for item, reply in found.items() if not reply.words]
    if empty:
        asked = "; ".join(f"{items[item]} ({item})" for item in empty)
        raise UserError(
            f"the report lacks what a reporting checklist asks for: {asked}", "make the rest with `echomort run`"
        )
    return {item: Answer(asks, found[item].words, found[item].status) for item, asks in items.items()}


def _rows(file: str) -> Iterator[dict[str, str]]:
    with resources.files("echomort.report.checklists").joinpath(file).open(encoding="utf-8") as opened:
        yield from csv.DictReader(opened)

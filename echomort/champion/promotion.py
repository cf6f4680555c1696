"""The way of a run's models into the registry, and through the gate."""

from dataclasses import dataclass
from pathlib import Path

from echomort.champion.candidate import Run, facts_of, parts_of
from echomort.champion.gate import Comparison, Decision, compare, decide
from echomort.champion.store import champion_name, read_held_out, write_candidate, write_held_out, write_pointer
from echomort.settings import Promotion, Settings

__all__ = ["Considered", "Run", "consider", "promote"]


@dataclass(frozen=True)
class Considered:
    """The candidate that was written, the champion after the decision, and the decision."""

    candidate: str
    champion: str
    decision: Decision


def consider(run: Run, settings: Settings) -> Considered:
    """Write the candidate of ``run`` to the registry and make it champion if the gate lets it pass."""
    root = settings.home / "registry"
    candidate = write_candidate(root, parts_of(run), facts_of(run, settings))
    write_held_out(root, candidate, run.held_out)
    decision = promote(root, candidate, _compared_with_champion(root, candidate), settings.promotion)
    return Considered(candidate, str(champion_name(root)), decision)


def _compared_with_champion(root: Path, candidate: str) -> Comparison | None:
    champion = champion_name(root)
    if champion is None or champion == candidate:
        return None
    return compare(read_held_out(root, candidate), read_held_out(root, champion))


def promote(root: Path, candidate: str, comparison: Comparison | None, settings: Promotion) -> Decision:
    """Make ``candidate`` the champion if :func:`echomort.champion.gate.decide` says so.

    ``comparison`` may be None only where there is no champion, or where it is the candidate itself.
    """
    champion = champion_name(root)
    if champion == candidate:
        return Decision(False, ("it is the champion already",))
    if champion is not None and comparison is None:
        raise ValueError("there is a champion: a comparison is needed")
    decision = decide(comparison if champion else None, settings)
    if decision.promoted:
        write_pointer(root, candidate, decision.reasons)
    return decision

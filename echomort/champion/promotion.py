"""Promotion: a run's models go into the registry as a candidate, which the gate may make champion."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from echomort.champion.candidate import Run, candidate_facts, candidate_parts
from echomort.champion.gate import Comparison, Decision, compare, decide
from echomort.champion.store import (
    ALREADY_CHAMPION,
    champion_name,
    read_held_out,
    write_candidate,
    write_held_out,
    write_pointer,
)
from echomort.settings import Promotion, Settings

__all__ = ["Run", "Submission", "promote", "submit_run"]


@dataclass(frozen=True)
class Submission:
    """The candidate that was written, the decision, and the champion after it."""

    candidate: str
    champion: str
    decision: Decision


def submit_run(run: Run, settings: Settings) -> Submission:
    """Write the candidate of ``run`` to the registry, and make it champion if the gate allows it."""
    root = settings.home / "registry"
    candidate = write_candidate(root, candidate_parts(run), candidate_facts(run, settings))
    write_held_out(root, candidate, run.held_out)
    compared = _compared_with_champion(root, candidate)
    decision = promote(root, candidate, compared, settings.promotion, run.suspicions)
    return Submission(candidate, str(champion_name(root)), decision)


def _compared_with_champion(root: Path, candidate: str) -> Comparison | None:
    champion = champion_name(root)
    if champion is None or champion == candidate:
        return None
    return compare(read_held_out(root, candidate), read_held_out(root, champion))


def promote(
    root: Path,
    candidate: str,
    comparison: Comparison | None,
    settings: Promotion,
    suspicions: Sequence[str] = (),
) -> Decision:
    """Make ``candidate`` the champion if :func:`echomort.champion.gate.decide` allows it.

    ``comparison`` is None only if there is no champion, or if the candidate is the champion. ``suspicions``: what of
    the run is too good to be true, in words.
    """
    champion = champion_name(root)
    if champion == candidate:
        return Decision(False, (ALREADY_CHAMPION,))
    if champion is not None and comparison is None:
        raise ValueError("there is a champion: a comparison is needed")
    decision = decide(comparison if champion else None, settings, suspicions)
    if decision.promoted:
        write_pointer(root, candidate, decision.reasons)
    return decision

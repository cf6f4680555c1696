"""Promotion: a run's models go into the registry as a candidate, which the gate may make champion."""

from dataclasses import dataclass, replace
from pathlib import Path

from echomort.champion.candidate import Run, candidate_facts, candidate_parts
from echomort.champion.gate import Comparison, Decision, Judged, compare, decide, judge
from echomort.champion.history import rolled_back
from echomort.champion.sealed import SealedSet, sealed_risks
from echomort.champion.store import (
    ALREADY_CHAMPION,
    Pointer,
    add_to_history,
    champion_name,
    pointer_to,
    read_manifest,
    read_pointer,
    restored_pointer,
    write_candidate,
    write_pointer,
    write_trained_patients,
)
from echomort.core.errors import UserError
from echomort.settings import Settings

__all__ = ["Run", "Submission", "promote", "submit_run"]


@dataclass(frozen=True)
class Submission:
    """The candidate that was written, the decision, and the champion after it (None where there is none yet)."""

    candidate: str
    champion: str | None
    decision: Decision


def submit_run(run: Run, settings: Settings) -> Submission:
    """Write the candidate of ``run`` to the registry, make it champion if the gate allows it, and write the decision
    into the history."""
    root = settings.registry
    candidate = write_candidate(root, candidate_parts(run), candidate_facts(run, settings))
    write_trained_patients(root, candidate, run.patients)
    pointer = restored_pointer(root)
    if pointer and pointer.candidate == candidate:
        return Submission(candidate, candidate, Decision(False, (ALREADY_CHAMPION,)))
    judged = _judged(root, candidate, pointer, run.sealed, settings)
    refused = (*run.suspicions, *rolled_back(root, candidate))
    least = settings.evaluation.suppress_below_events
    decision = decide(judged, settings.promotion, least, refused)
    promote(root, candidate, decision)
    standing = None if pointer is None else {"champion": pointer.candidate, "reference": pointer.reference}
    record = {"candidate": candidate, "promoted": decision.promoted, "reasons": list(decision.reasons)}
    after = read_pointer(root)
    record |= {"reference": after.reference if decision.promoted and after else None}
    add_to_history(root, record | {"standing": standing, "judged": judged.as_record()})
    return Submission(candidate, champion_name(root), decision)


def promote(root: Path, candidate: str, decision: Decision) -> None:
    """Make ``candidate`` the champion if :func:`echomort.champion.gate.decide` allowed it."""
    if decision.promoted:
        pointer = read_pointer(root)
        reference = candidate if decision.is_reference or pointer is None else pointer.reference
        write_pointer(root, candidate, decision.reasons, reference)


def _judged(root: Path, candidate: str, pointer: Pointer | None, sealed: SealedSet, settings: Settings) -> Judged:
    risks = sealed_risks(root, candidate, sealed, settings)
    judged = judge(sealed.rows, risks)
    if pointer is None:
        return judged
    compared: dict[str, Comparison] = {}
    reasons: list[str] = []
    for name, standing in (("champion", pointer.candidate), ("reference", pointer.reference)):
        try:
            known = compared.get("champion") if standing == pointer.candidate else None  # it may be its own reference
            compared[name] = known or _compared(root, standing, risks, sealed, settings)
        except UserError as error:
            reasons.append(f"not compared with the {name} {standing}: {error.problem}")
    champion, reference = compared.get("champion"), compared.get("reference")
    return replace(judged, champion=champion, reference=reference, not_compared="; ".join(reasons))


def _compared(root: Path, standing: str, risks: dict[str, float], sealed: SealedSet, settings: Settings) -> Comparison:
    """Return the comparison with a standing model. Raises :class:`UserError` where it can't be compared."""
    manifest = read_manifest(root, pointer_to(root, standing))
    if manifest.get("roles") != settings.cohort.role_digest:
        problem = "its patients were drawn with other settings (cohort.salt, a fraction or later_from)"
        raise UserError(problem, "keep these settings on a live project")
    found = compare(sealed.rows, risks, sealed_risks(root, standing, sealed, settings), settings.promotion)
    if found is None:
        raise UserError("no sealed patient has a risk by both", "keep imaging.clip, or wait for sealed patients")
    return found

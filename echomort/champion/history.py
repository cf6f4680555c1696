"""A person's decisions on the champion: back to an earlier one, or one that the gate would not take."""

import getpass
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from echomort.champion.store import (
    add_to_history,
    candidate_folder,
    pointer_to,
    read_files,
    read_history,
    read_manifest,
    read_pointer,
    write_pointer,
)
from echomort.core.errors import UserError
from echomort.evaluation.too_few import has_too_few, no_result, suppressed

ROLLBACK, PROMOTION = "rollback", "promotion"
"""What a person may decide, in the history's field ``by_hand``."""


def candidates(root: Path) -> Iterator[dict[str, Any]]:
    """Yield each candidate of the registry, the oldest decision first: ``candidate``, ``state`` (champion, former
    champion or candidate), ``reasons`` of the last decision on it, ``by`` and ``on`` where a person made it."""
    pointer = read_pointer(root)
    last: dict[str, dict[str, Any]] = {}
    promoted = set()
    for decision in read_history(root):
        last[decision["candidate"]] = decision
        promoted |= {decision["candidate"]} if decision["promoted"] else set()
    folders = {path.name for path in (root / "candidates").glob("*") if not path.name.startswith(".")}
    for name in [*last, *sorted(folders - last.keys())]:
        decision = last.get(name, {})
        state = "former champion" if name in promoted else "candidate"
        state = "champion" if pointer and pointer.candidate == name else state
        yield {
            "candidate": name,
            "state": state if name in folders else f"{state}, files are gone",
            "reasons": decision.get("reasons", []),
            "by": decision.get("by"),
            "on": decision.get("on"),
        }


def shown(root: Path, candidate: str, least: int) -> dict[str, Any]:
    """Return what is known of ``candidate``: its manifest without the list of files, and every decision on it, whose
    figures are withheld with fewer than ``least`` deaths or survivors. Raises :class:`UserError` where it is missing or
    damaged."""
    manifest = _verified(root, candidate)
    about = {key: value for key, value in manifest.items() if key not in ("files", "calibrations")}
    return {
        "candidate": candidate,
        **about,
        "decisions": [released(one, least) for one in read_history(root) if one["candidate"] == candidate],
    }


def released(decision: Mapping[str, Any], least: int) -> dict[str, Any]:
    """Return ``decision`` as a person may read it: the counts that it rests on, and figures that are a result."""
    judged = decision.get("judged")
    if not judged:
        return dict(decision)
    if has_too_few(judged["patients"], judged["deaths"], least):
        counts = {"patients": judged["patients"], "deaths": judged["deaths"]}
        return {**decision, "judged": {**counts, "figures": no_result(least)}}
    return {**decision, "judged": {name: _part(part, least) for name, part in judged.items()}}


def _part(part: Any, least: int) -> Any:
    """Return a part of what was judged: of a comparison or a group of too few no figure, and no count of the deaths."""
    if isinstance(part, list):  # a group's difference, by an earlier release
        return {"figures": "kept without the number of deaths"}
    if not isinstance(part, Mapping):
        return part
    if "deaths" in part and has_too_few(part["patients"], part["deaths"], least):
        return {"figures": suppressed(least)}
    return {name: _part(inner, least) for name, inner in part.items()}


def choose(root: Path, candidate: str, because: str, kind: str, home: Path) -> None:
    """Make ``candidate`` the champion because a person says so, and write that into the history.

    A ``rollback`` goes to a former champion. Raises :class:`UserError`, and changes nothing, for a candidate that is
    unknown, damaged or can't be loaded, that is the champion already, or that never was one (``rollback``).
    """
    pointer = read_pointer(root)
    _verified(root, candidate)
    if pointer and pointer.candidate == candidate:
        raise UserError(f"{candidate} is the champion already", "name another: `echomort champion list`")
    if kind == ROLLBACK and not any(one["promoted"] and one["candidate"] == candidate for one in read_history(root)):
        raise UserError(f"{candidate} never was champion", "to take it nevertheless: `echomort champion promote`")
    _load(root, candidate, home)
    standing = None if pointer is None else {"champion": pointer.candidate, "reference": pointer.reference}
    reference = candidate if pointer is None else pointer.reference
    write_pointer(root, candidate, [because], reference)
    decision = {"candidate": candidate, "promoted": True, "reasons": [because], "reference": reference}
    by_hand = {"by_hand": kind, "by": getpass.getuser(), "on": datetime.now(UTC).date().isoformat()}
    add_to_history(root, decision | {"standing": standing, "judged": None} | by_hand)


def rolled_back(root: Path, candidate: str) -> tuple[str, ...]:
    """Return why ``candidate`` may not be promoted by the gate: a person left it, and took it back in no later
    decision. Empty if it may."""
    left = False
    for decision in read_history(root):
        standing = decision.get("standing") or {}
        if decision.get("by_hand") == ROLLBACK and standing.get("champion") == candidate:
            left = True
        elif decision.get("by_hand") and decision["candidate"] == candidate:
            left = False
    return ("a person went back from it: only `echomort champion promote` takes it again",) if left else ()


def _verified(root: Path, candidate: str) -> dict[str, Any]:
    """Return the manifest of ``candidate``, every file of which was read. Raises :class:`UserError`."""
    pointer = pointer_to(root, candidate)
    if not candidate_folder(root, candidate).is_dir():
        raise UserError(f"there is no candidate {candidate}", "see `echomort champion list`")
    manifest = read_manifest(root, pointer)
    read_files(candidate_folder(root, candidate), manifest)
    return manifest


def _load(root: Path, candidate: str, home: Path) -> None:
    """Load ``candidate`` in a process of its own. Raises :class:`UserError` where it can't be."""
    import pandas as pd

    from echomort.champion.scoring import score_in_child

    score_in_child(root, pd.DataFrame({"study_key": []}), pd.DataFrame({"study_key": []}), home, candidate)

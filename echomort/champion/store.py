"""The registry of models: immutable candidates, one of which is the champion.

``candidates/<id>/`` holds all files of a prediction and manifest.json, which lists every file with its SHA-256;
``sealed/<id>.parquet`` holds the candidate's risks of the sealed patients, ``trained_on/<id>.parquet`` the keys of the
patients that it was trained on; ``champion.json`` names the champion, the SHA-256 of its manifest and the gate's
reference, and is replaced atomically; ``history.json`` lists every decision.
"""

import json
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pydantic

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder, atomic_path, write_text
from echomort.core.fingerprint import digest_file
from echomort.core.verified import REMEDY, parse_card, read_card, read_verified
from echomort.models.platt import Platt
from echomort.settings import ClipSettings

if TYPE_CHECKING:
    from echomort.models.fusion import FusionModel
    from echomort.models.tabular import TabularModel
    from echomort.models.view_classifier import ViewClassifier

VIDEO = "video"
"""Name of the stack of the view scores; the one with the health record is ``video_ehr``."""
NO_CHAMPION = "there is no champion yet"
HOW_TO_GET_ONE = "run `echomort run` to the end; if it ended, `echomort status` says why no candidate was promoted"
ALREADY_CHAMPION = "it is the champion already"
POINTER = "champion.json"
MANIFEST = "manifest.json"
HISTORY = "history.json"
KEYS = ("files", "clip", "views", "stacks", "calibrations", "synthetic")
"""Keys that a manifest must have."""
SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names that may be used for a folder."""


@dataclass(frozen=True)
class Parts:
    """The models of a candidate."""

    views: Mapping[str, Path]
    """View -> folder of its trained model."""
    calibrations: Mapping[str, Platt]
    """View or name of a stack -> calibration, fitted on its out-of-fold scores."""
    stacks: Mapping[str, "FusionModel"] = field(default_factory=dict)
    """``video`` and ``video_ehr``, if there are; columns: views, and ``ehr``."""
    tabular: "TabularModel | None" = None
    classifier: "ViewClassifier | None" = None
    """The classifier of views from pixels."""


@dataclass(frozen=True)
class Facts:
    """Facts about a candidate for its manifest: JSON values without identifiers. ``clip`` holds the sizes of views
    where those decide."""

    clip: ClipSettings
    synthetic: bool
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    roles: str = ""
    """Digest of the settings that decided which patients it was trained on (:attr:`Cohort.role_digest`)."""
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """What the development cohort holds (:meth:`Ranges.as_record`)."""


@dataclass(frozen=True)
class Pointer:
    """The champion's id, the SHA-256 of its manifest, and the id of the gate's reference."""

    candidate: str
    manifest_sha256: str
    reference: str


def write_candidate(root: Path, parts: Parts, facts: Facts) -> str:
    """Write ``root/candidates/<id>`` atomically and return the id, a digest of the content: equal parts and facts give
    the same candidate."""
    for name in parts.views:
        _check_safe_name(name)
    candidates = root / "candidates"
    with atomic_folder(candidates / ".incoming") as folder:
        _write_parts(folder, parts)
        manifest = _manifest(folder, parts, facts)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    name = digest_file(candidates / ".incoming" / MANIFEST)[:16]
    if (candidates / name).is_dir():
        shutil.rmtree(candidates / ".incoming")
    else:
        (candidates / ".incoming").rename(candidates / name)
    return name


def write_sealed_risks(root: Path, candidate: str, risks: Mapping[str, float]) -> None:
    """Write the candidate's risks of the sealed patients' studies, by study key."""
    with atomic_path(_sealed(root, candidate)) as file:
        frame = pd.DataFrame({"study_key": sorted(risks), "risk": [risks[key] for key in sorted(risks)]})
        frame.astype({"risk": "float64"}).to_parquet(file, index=False)


def write_trained_patients(root: Path, candidate: str, patients: Sequence[str]) -> None:
    """Write the keys of the patients that the candidate was trained on: on nobody else may it be validated."""
    with atomic_path(_trained(root, candidate)) as file:
        pd.DataFrame({"patient_key": sorted(patients)}, dtype="str").to_parquet(file, index=False)


def write_pointer(root: Path, candidate: str, reasons: Sequence[str], reference: str) -> None:
    """Make ``candidate`` the champion, for ``reasons``, and ``reference`` the gate's reference, atomically."""
    pointer = {
        "candidate": candidate,
        "manifest_sha256": digest_file(candidate_folder(root, candidate) / MANIFEST),
        "reasons": reasons,
        "reference": reference,
    }
    write_text(root / POINTER, json.dumps(pointer, indent=1) + "\n")


def add_to_history(root: Path, decision: Mapping[str, Any]) -> None:
    """Add ``decision`` (JSON values) to the history, unless it is the last one: a repeated run adds nothing."""
    decisions, plain = read_history(root), json.loads(json.dumps(decision, allow_nan=False))
    if not decisions or decisions[-1] != plain:
        write_text(root / HISTORY, json.dumps([*decisions, plain], indent=1) + "\n")


def retired(root: Path) -> frozenset[str]:
    """Return the candidates that were retired: their files are gone, and none may be champion again."""
    return frozenset(decision["candidate"] for decision in read_history(root) if decision.get("retired"))


def retire(root: Path, candidates: Sequence[str], because: str) -> None:
    """Remove ``candidates``, with a decision each in the history, so that none of them predicts or is compared with.

    If the champion is one of them there is no champion until the next run, which restores the last one that was not
    retired, or submits a new candidate. Carried out again after it was interrupted, it goes on.
    """
    pointer = read_pointer(root)
    for candidate in candidates:
        _check_safe_name(candidate)
        if candidate not in retired(root):
            decision = {"candidate": candidate, "promoted": False, "reasons": [because], "retired": True}
            add_to_history(root, decision)
    if pointer and pointer.candidate in candidates:
        (root / POINTER).unlink()
    elif pointer and pointer.reference in candidates:
        write_pointer(root, pointer.candidate, [because], pointer.candidate)
    for candidate in candidates:
        shutil.rmtree(candidate_folder(root, candidate), ignore_errors=True)
        _sealed(root, candidate).unlink(missing_ok=True)
        _trained(root, candidate).unlink(missing_ok=True)


def forget_sealed(root: Path, studies: Collection[str]) -> None:
    """Remove the risks of ``studies`` from what the candidates gave the sealed patients."""
    for file in sorted((root / "sealed").glob("*.parquet")):
        risks = read_sealed_risks(root, file.stem)
        if risks.keys() & set(studies):
            write_sealed_risks(root, file.stem, {key: risk for key, risk in risks.items() if key not in studies})


def _write_parts(folder: Path, parts: Parts) -> None:
    for view, source in parts.views.items():
        target = folder / "views" / view
        target.mkdir(parents=True)
        for name, content in _model_files(source).items():
            (target / name).write_bytes(content)
    if parts.tabular is not None:
        parts.tabular.save(folder / "tabular")
    if parts.classifier is not None:
        parts.classifier.save(folder / "classifier")
    if parts.stacks:
        (folder / "stacks").mkdir()
    for name, stack in parts.stacks.items():
        (folder / "stacks" / f"{name}.json").write_bytes(stack.to_json())


def _model_files(source: Path) -> dict[str, bytes]:
    """Return name -> content of the files of a trained model, each the one that was trained. Raises
    :class:`UserError`."""
    card = read_card(source, ("weights",))
    entries = [*card["weights"].values(), *card.get("records", {}).values()]
    kept = [entry for entry in entries if entry["file"].startswith("fold_")]
    weights = {entry["file"]: read_verified(source, entry["file"], entry["sha256"]) for entry in kept}
    return {"model.json": (source / "model.json").read_bytes()} | weights


def _manifest(folder: Path, parts: Parts, facts: Facts) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "files": {path.relative_to(folder).as_posix(): digest_file(path) for path in files},
        "clip": facts.clip.model_dump(mode="json"),
        "views": sorted(parts.views),
        "stacks": sorted(parts.stacks),
        "tabular": parts.tabular is not None,
        "classifier": parts.classifier is not None,
        "calibrations": {name: vars(platt) for name, platt in parts.calibrations.items()},
        "synthetic": facts.synthetic,
        "roles": facts.roles,
        "ranges": facts.ranges,
        "metrics": facts.metrics,
        "provenance": facts.provenance,
    }


def candidate_folder(root: Path, candidate: str) -> Path:
    """Return the folder of ``candidate``."""
    return root / "candidates" / candidate


def read_pointer(root: Path) -> Pointer | None:
    """Return which candidate is champion, or None where there is none yet. Raises :class:`UserError` for a pointer that
    can't be read, or whose name is not safe."""
    if not (root / POINTER).is_file():
        return None
    try:
        card = read_card(root, ("candidate", "manifest_sha256"), POINTER)
    except UserError as error:
        remedy = "delete it and run `echomort run`: it comes back from the history"
        raise UserError(error.problem, remedy) from None
    name, reference = str(card["candidate"]), str(card.get("reference", card["candidate"]))
    _check_safe_name(name)
    _check_safe_name(reference)
    return Pointer(name, card["manifest_sha256"], reference)


def pointer_to(root: Path, candidate: str) -> Pointer:
    """Return the pointer to any ``candidate``, whose id begins the SHA-256 of its manifest. Raises
    :class:`UserError`."""
    _check_safe_name(candidate)
    manifest = candidate_folder(root, candidate) / MANIFEST
    sha256 = digest_file(manifest) if manifest.is_file() else ""
    if not sha256.startswith(candidate):
        raise UserError(f"the manifest of candidate {candidate} is missing or not the one that was written", REMEDY)
    return Pointer(candidate, sha256, candidate)


def was_promoted(root: Path) -> bool:
    """Return whether the history names a champion that was not retired."""
    gone = retired(root)
    return any(decision["promoted"] and decision["candidate"] not in gone for decision in read_history(root))


def restored_pointer(root: Path) -> Pointer | None:
    """Return the pointer to the champion; where its file was lost, write the one that the history names last."""
    pointer = read_pointer(root)
    gone = retired(root)
    decisions = [one for one in read_history(root) if one["promoted"] and one["candidate"] not in gone]
    if pointer is not None or not decisions:
        return pointer
    last = decisions[-1]
    standing = last.get("standing") or {}
    candidate = str(last["candidate"])
    reference = str(last.get("reference") or standing.get("reference") or candidate)
    pointer_to(root, candidate)
    write_pointer(root, candidate, list(last["reasons"]), candidate if reference in gone else reference)
    return read_pointer(root)


def champion_name(root: Path) -> str | None:
    """Return the id of the champion, or None where there is none yet."""
    pointer = read_pointer(root)
    return None if pointer is None else pointer.candidate


def champion_clip(root: Path) -> tuple[ClipSettings, list[str]] | None:
    """Return the clip settings that the champion was trained with and the views of its models, or None where there is
    no champion yet."""
    pointer = read_pointer(root)
    if pointer is None:
        return None
    manifest = read_manifest(root, pointer)
    return clip_of(manifest), list(manifest["views"])


def champion_networks(root: Path) -> tuple[str, ...]:
    """Return the names of the networks that the champion's models hold; empty where there is no champion yet.
    Raises :class:`UserError`."""
    pointer = read_pointer(root)
    if pointer is None:
        return ()
    folder, manifest = candidate_folder(root, pointer.candidate), read_manifest(root, pointer)
    names = (f"views/{view}/model.json" for view in manifest["views"])
    cards = [parse_card(read_verified(folder, name, manifest["files"][name]), ("network",), name) for name in names]
    return tuple(sorted({str(card["network"]) for card in cards}))


def read_manifest(root: Path, pointer: Pointer) -> dict[str, Any]:
    """Return the manifest of the candidate that ``pointer`` names, verified. Raises :class:`UserError`."""
    content = read_verified(candidate_folder(root, pointer.candidate), MANIFEST, pointer.manifest_sha256)
    return parse_card(content, KEYS, MANIFEST)


def read_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Return file -> content of all that ``manifest`` lists, each verified. Raises :class:`UserError`."""
    return {file: read_verified(folder, file, sha256) for file, sha256 in manifest["files"].items()}


def clip_of(manifest: Mapping[str, Any]) -> ClipSettings:
    """Return the clip settings that the candidate was trained with. Raises :class:`UserError` where this release does
    not know one of them."""
    try:
        return ClipSettings.written(manifest["clip"])
    except pydantic.ValidationError:
        raise UserError(
            "the clip settings of the candidate are those of another release of echomort",
            f"use release {manifest.get('provenance', {}).get('echomort', 'that made it')}, or train again",
        ) from None


def read_sealed_risks(root: Path, candidate: str) -> dict[str, float]:
    """Return the risks that :func:`write_sealed_risks` wrote last; none where it never did."""
    file = _sealed(root, candidate)
    frame = _read_table(file) if file.exists() else pd.DataFrame({"study_key": [], "risk": []})
    return dict(zip(frame["study_key"], frame["risk"].tolist(), strict=True))


def read_history(root: Path) -> list[dict[str, Any]]:
    """Return every decision on a candidate, the first one first. Raises :class:`UserError`."""
    if not (root / HISTORY).is_file():
        return []
    try:
        return list(json.loads((root / HISTORY).read_text()))
    except ValueError:
        raise UserError(
            f"{HISTORY} of the registry is not readable", "restore it from a backup, or delete it"
        ) from None


def read_trained_patients(root: Path, candidate: str) -> list[str] | None:
    """Return what :func:`write_trained_patients` wrote; None where it never did (a candidate of an older version)."""
    file = _trained(root, candidate)
    return _read_table(file)["patient_key"].tolist() if file.exists() else None


def _read_table(file: Path) -> pd.DataFrame:
    """Return the table ``file`` of the registry. Raises :class:`UserError` for one that is damaged."""
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError):
        name = f"registry/{file.parent.name}/{file.name}"
        raise UserError(f"{name} can't be read", "restore it from a backup, or delete it and run again") from None


def _trained(root: Path, candidate: str) -> Path:
    return root / "trained_on" / f"{candidate}.parquet"


def _sealed(root: Path, candidate: str) -> Path:
    return root / "sealed" / f"{candidate}.parquet"


def _check_safe_name(name: str) -> None:
    if not SAFE_NAME.fullmatch(name) or name.startswith("."):
        raise UserError("a name in the registry is not a safe folder name", REMEDY)

"""Models on the shelf: candidates, each whole and unchangeable, and one champion among them.

``candidates/<id>/`` holds everything a prediction needs and manifest.json, which lists every file with its SHA-256;
``champion.json`` names the champion and the SHA-256 of its manifest, and is replaced in one step.
"""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder, write_text
from echomort.core.fingerprint import digest_file
from echomort.core.verified import REMEDY, parse_card, read_card, read_verified
from echomort.models.platt import Platt, sigmoid
from echomort.settings import ClipSettings, Promotion

if TYPE_CHECKING:
    from echomort.models.fusion import FusionModel
    from echomort.models.tabular import TabularModel
    from echomort.models.view_classifier import ViewClassifier
    from echomort.models.views import ViewModel

VIDEO, VIDEO_EHR = "video", "video_ehr"
"""The stacks: of the view scores, and of the view scores with the score of the health record."""
EHR = "ehr"
"""The health-record score's column in the second."""
MANIFEST = "manifest.json"
KEYS = ("files", "clip", "views", "stacks", "calibrations", "synthetic")
SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class Parts:
    """What a candidate is made of."""

    views: Mapping[str, Path]
    """View -> the folder that its training left."""
    calibrations: Mapping[str, Platt]
    """A view, or a stack's name -> calibration fitted on its out-of-fold scores."""
    stacks: Mapping[str, "FusionModel"] = field(default_factory=dict)
    """``video`` and ``video_ehr``, as far as there are; columns: views, and ``ehr``."""
    tabular: "TabularModel | None" = None
    classifier: "ViewClassifier | None" = None
    """Names the view of a loop that no tag names."""


@dataclass(frozen=True)
class Facts:
    """What is to be known of a candidate: JSON values, no identifiers."""

    clip: ClipSettings
    synthetic: bool
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Candidate against champion on the same held-out patients; differences are candidate less champion."""

    deaths: int
    difference: float
    low: float
    high: float
    slope: float
    """Calibration slope of the candidate; 1 is perfect."""
    in_the_large: float
    """Calibration-in-the-large of the candidate, in logits; 0 is perfect."""
    subgroups: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Subgroup -> interval of the difference, where the subgroup has enough deaths to say anything."""


@dataclass(frozen=True)
class Decision:
    """Whether a candidate becomes champion, and why (not)."""

    promoted: bool
    reasons: tuple[str, ...]


def decide(comparison: Comparison | None, settings: Promotion) -> Decision:
    """Return whether the candidate may take the place of the champion; without a champion (no comparison) it may.

    Every reason against is named.
    """
    if comparison is None:
        return Decision(True, ("there is no champion yet",))
    against = [*_against_discrimination(comparison, settings), *_against_calibration(comparison, settings)]
    if against:
        return Decision(False, tuple(against))
    interval = f"{comparison.difference:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f})"
    return Decision(True, (f"AUC difference {interval}, calibrated",))


def write_candidate(root: Path, parts: Parts, facts: Facts) -> str:
    """Write ``root/candidates/<id>`` atomically and return the id, which is drawn from the content: the same parts and
    facts are the same candidate."""
    for name in parts.views:
        _check_name(name)
    candidates = root / "candidates"
    with atomic_folder(candidates / ".incoming") as whole:
        _write_parts(whole, parts)
        manifest = _manifest(whole, parts, facts)
        (whole / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    name = digest_file(candidates / ".incoming" / MANIFEST)[:16]
    if (candidates / name).is_dir():
        shutil.rmtree(candidates / ".incoming")
    else:
        (candidates / ".incoming").rename(candidates / name)
    return name


def promote(root: Path, candidate: str, comparison: Comparison | None, settings: Promotion) -> Decision:
    """Make ``candidate`` the champion if :func:`decide` says so; the pointer changes in one step.

    ``comparison`` may be None only where there is no champion, or where it is the candidate itself.
    """
    current = champion_name(root)
    if current == candidate:
        return Decision(False, ("it is the champion already",))
    if current is not None and comparison is None:
        raise ValueError("there is a champion: a comparison is needed")
    decision = decide(comparison if current else None, settings)
    if decision.promoted:
        manifest = root / "candidates" / candidate / MANIFEST
        pointer = {"candidate": candidate, "manifest_sha256": digest_file(manifest), "reasons": decision.reasons}
        write_text(root / "champion.json", json.dumps(pointer, indent=1) + "\n")
    return decision


def champion_name(root: Path) -> str | None:
    """Return the id of the champion, or None where there is none yet."""
    if not (root / "champion.json").is_file():
        return None
    name = str(read_card(root, ("candidate", "manifest_sha256"), "champion.json")["candidate"])
    _check_name(name)
    return name


def champion_clip(root: Path) -> ClipSettings | None:
    """Return how the clips that the champion learnt from were made, or None where there is no champion yet."""
    name = champion_name(root)
    if name is None:
        return None
    pointer = read_card(root, ("manifest_sha256",), "champion.json")
    return _clip_of(_read_manifest(root / "candidates" / name, pointer["manifest_sha256"]))


@dataclass(frozen=True)
class Champion:
    """The model that predicts."""

    name: str
    clip: ClipSettings
    views: Mapping[str, "ViewModel"]
    stacks: Mapping[str, "FusionModel"]
    calibrations: Mapping[str, Platt]
    tabular: "TabularModel | None"
    classifier: "ViewClassifier | None"
    manifest: Mapping[str, Any]

    @classmethod
    def load(cls, root: Path) -> "Champion":
        """Read the champion of the registry at ``root``, verifying every file first; raises :class:`UserError`."""
        name = champion_name(root)
        if name is None:
            raise UserError("there is no champion yet", "run `echomort run` to the end")
        pointer = read_card(root, ("manifest_sha256",), "champion.json")
        return cls.load_candidate(root / "candidates" / name, pointer["manifest_sha256"])

    @classmethod
    def load_candidate(cls, folder: Path, manifest_sha256: str | None = None) -> "Champion":
        """Read any candidate, as it would predict if it were the champion."""
        from echomort.models.fusion import FusionModel
        from echomort.models.tabular import TabularModel
        from echomort.models.view_classifier import ViewClassifier
        from echomort.models.views import ViewModel

        manifest = _read_manifest(folder, manifest_sha256 or digest_file(folder / MANIFEST))
        contents = {file: read_verified(folder, file, sha256) for file, sha256 in manifest["files"].items()}
        return cls(
            name=folder.name,
            clip=_clip_of(manifest),
            views={view: ViewModel.load(folder / "views" / view) for view in manifest["views"]},
            stacks={name: FusionModel.from_json(contents[f"stacks/{name}.json"]) for name in manifest["stacks"]},
            calibrations={name: Platt(**fields) for name, fields in manifest["calibrations"].items()},
            tabular=TabularModel.load(folder / "tabular") if manifest.get("tabular") else None,
            classifier=ViewClassifier.load(folder / "classifier") if manifest.get("classifier") else None,
            manifest=manifest,
        )

    @cached_property
    def is_synthetic(self) -> bool:
        """Whether it was trained on the embedded archive, so that its risks mean nothing for a person."""
        return bool(self.manifest["synthetic"])

    def view_of(self, pixels: np.ndarray) -> str:
        """Return the view that the pixels of a clip, uint8 (frames, height, width), show; ``unknown`` where unsure."""
        from echomort.dicom.header.views import UNKNOWN
        from echomort.models.view_classifier import appearance_of

        return UNKNOWN if self.classifier is None else self.classifier.name(appearance_of(pixels)[None])[0]

    def score_clip(self, pixels: np.ndarray, view: str) -> dict[str, Any]:
        """Score one clip, uint8 (frames, height, width) made with :attr:`clip`.

        Returns view, model (the view whose model scored it, or ``all views``), logit, risk (calibrated, 0 to 1),
        synthetic, and note (None unless there is something to know).
        """
        if view in self.views:
            logit = float(self.views[view].score(pixels[None])[0])
            return self._scored(view, view, logit, float(self.calibrations[view].risk(logit)))
        logits = {name: float(model.score(pixels[None])[0]) for name, model in self.views.items()}
        calibrated = [float(self.calibrations[name].logit(logit)) for name, logit in logits.items()]
        note = "the view is unknown or has no model of its own: mean over the models of all views"
        risk = float(sigmoid(np.mean(calibrated)))
        return self._scored(view, "all views", float(np.mean(list(logits.values()))), risk, note)

    def score_study(self, clips: Mapping[str, Sequence[np.ndarray]], ehr: float | None = None) -> dict[str, Any]:
        """Score the clips of one study by view, with the health record's logit where there is one.

        Returns model (the stack, a view, or ``all views``), logit, risk, views (view -> mean logit of its clips), clips
        (how many were scored), synthetic and note. Clips of a view without a model count only where there are no
        others.
        """
        known = {view: np.stack(part) for view, part in clips.items() if view in self.views and len(part)}
        others = [pixels for view, part in clips.items() if view not in self.views for pixels in part]
        if not known:
            return self._study_without_view(others)
        return self.fuse_study({view: self.views[view].score(part) for view, part in known.items()}, ehr, len(others))

    def fuse_study(self, logits: Mapping[str, np.ndarray], ehr: float | None = None, others: int = 0) -> dict[str, Any]:
        """Return what :meth:`score_study` does, of clips scored already: view (one with a model) -> a logit a clip."""
        means = {view: float(np.mean(part)) for view, part in logits.items()}
        note = f"{others} clips of other views were left out" if others else None
        told = {"views": means, "clips": sum(map(len, logits.values())), "synthetic": self.is_synthetic, "note": note}
        return {**self._fused(means, ehr), **told}

    def _fused(self, logits: dict[str, float], ehr: float | None) -> dict[str, Any]:
        import pandas as pd

        name = VIDEO_EHR if ehr is not None and VIDEO_EHR in self.stacks else VIDEO
        if name in self.stacks:
            row = pd.DataFrame([{**logits, **({EHR: ehr} if ehr is not None else {})}])
            logit = float(self.stacks[name].score(row)[0])
            return {"model": name, "logit": logit, "risk": float(self.calibrations[name].risk(logit))}
        calibrated = [float(self.calibrations[view].logit(logit)) for view, logit in logits.items()]
        model = "all views" if len(logits) > 1 else next(iter(logits))
        risk = float(sigmoid(np.mean(calibrated)))
        return {"model": model, "logit": float(np.mean(list(logits.values()))), "risk": risk}

    def _study_without_view(self, clips: list[np.ndarray]) -> dict[str, Any]:
        if not clips:
            raise UserError("there is no clip to score", "give at least one accepted echo loop")
        scored = [self.score_clip(pixels, "unknown") for pixels in clips]
        logits = [np.log(one["risk"] / (1 - one["risk"])) for one in scored]
        return {
            "model": "all views",
            "logit": float(np.mean([one["logit"] for one in scored])),
            "risk": float(sigmoid(np.mean(logits))),
            "views": {},
            "clips": len(clips),
            "synthetic": self.is_synthetic,
            "note": scored[0]["note"],
        }

    def _scored(self, view: str, model: str, logit: float, risk: float, note: str | None = None) -> dict[str, Any]:
        known = {"view": view, "model": model, "logit": logit, "risk": risk}
        return {**known, "synthetic": self.is_synthetic, "note": note}


def _against_discrimination(comparison: Comparison, settings: Promotion) -> list[str]:
    against = []
    if comparison.deaths < settings.minimum_deaths:
        against.append(f"{comparison.deaths} deaths held out, promotion.minimum_deaths is {settings.minimum_deaths}")
    if not comparison.low >= -settings.margin:
        against.append(f"AUC may be lower by {-comparison.low:.3f}, promotion.margin is {settings.margin}")
    worse = sorted(name for name, (_, high) in comparison.subgroups.items() if high < 0)
    return against + [f"AUC is lower in subgroup {name}" for name in worse]


def _against_calibration(comparison: Comparison, settings: Promotion) -> list[str]:
    against = []
    if not settings.lowest_slope <= comparison.slope <= settings.highest_slope:
        against.append(f"calibration slope {comparison.slope:.2f} is outside promotion's bounds")
    if not abs(comparison.in_the_large) <= settings.in_the_large:
        against.append(f"calibration-in-the-large {comparison.in_the_large:+.2f} is outside promotion's bounds")
    return against


def _write_parts(folder: Path, parts: Parts) -> None:
    for view, source in parts.views.items():
        target = folder / "views" / view
        target.mkdir(parents=True)
        for file in sorted([source / "model.json", *source.glob("fold_*.safetensors")]):
            shutil.copyfile(file, target / file.name)
    if parts.tabular is not None:
        parts.tabular.save(folder / "tabular")
    if parts.classifier is not None:
        parts.classifier.save(folder / "classifier")
    if parts.stacks:
        (folder / "stacks").mkdir()
    for name, stack in parts.stacks.items():
        (folder / "stacks" / f"{name}.json").write_bytes(stack.to_json())


def _read_manifest(folder: Path, sha256: str) -> dict[str, Any]:
    return parse_card(read_verified(folder, MANIFEST, sha256), KEYS, MANIFEST)


def _clip_of(manifest: Mapping[str, Any]) -> ClipSettings:
    return ClipSettings.model_validate(manifest["clip"])


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
        "metrics": facts.metrics,
        "provenance": facts.provenance,
    }


def _check_name(name: str) -> None:
    if not SAFE_NAME.fullmatch(name) or name.startswith("."):
        raise UserError("a name in the registry is not a plain one", REMEDY)

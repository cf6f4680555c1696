"""Whether a finished model fits a project: its clips, its horizon, how its variables are made."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echomort.champion.store import clip_of
from echomort.core.errors import UserError
from echomort.settings import ClipSettings, Settings

NEEDED = ("outcomes", "cohort", "clinical_features", "clinical_scores", "linkage", "clips", "clip_views")
"""Assets from which a validation is made."""
DECIDING = ("outcome.horizon_days", "features.")
"""Settings, or beginnings of their keys, that decide what a model predicts and from which values."""


def require_fit(manifest: Mapping[str, Any], settings: Settings, clip: ClipSettings) -> None:
    """Raise :class:`UserError` where the candidate of ``manifest`` takes other clips than the project makes (``clip``:
    its settings, sizes of views included), predicts death within another time, or learnt from variables that were made
    otherwise."""
    differing = _differing_clips(clip_of(manifest), clip, manifest.get("views", ()))
    known = {key: value[0] for key, value in manifest["provenance"].get("settings", {}).items()}
    here = {key: str(value) for key, value, *_ in settings.provenance() if key.startswith(DECIDING)}
    differing |= {key: (known[key], value) for key, value in here.items() if known.get(key, value) != value}
    if differing:
        shown = ", ".join(f"{key} {theirs} (here {ours})" for key, (theirs, ours) in differing.items())
        flags = " ".join(f"--set {_flag(key, theirs)}" for key, (theirs, _) in differing.items())
        raise UserError(f"the champion was trained with {shown}", rerun_with(settings.home, flags))


def _differing_clips(theirs: ClipSettings, ours: ClipSettings, views: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the clip settings that differ, by key, as (theirs, ours); of sizes of views those of ``views``."""
    here = ours.deciding
    differing = {f"imaging.clip.{key}": (value, here.get(key)) for key, value in theirs.deciding.items()}
    differing = {key: pair for key, pair in differing.items() if pair[0] != pair[1]}
    sizes, known = (
        {view: clip.view_sizes[view] for view in views if view in clip.view_sizes} for clip in (theirs, ours)
    )
    if theirs.fit == "view_size" and (theirs.fit != ours.fit or not theirs.has_sizes_of(ours, views)):
        differing["imaging.clip.view_sizes"] = (sizes, known)
    return differing


def _flag(key: str, value: Any) -> str:
    """Return ``key=value`` as a shell takes it."""
    return shlex.quote(f"{key}={json.dumps(value) if isinstance(value, dict) else value}")


def rerun_with(home: Path, flags: str) -> str:
    """Return the remedy: to make what a validation needs anew, with ``flags`` of ``echomort run``."""
    selection = ",".join(f"+{name}" for name in NEEDED)
    command = " ".join(part for part in (f"echomort run --home {home}", flags, f'--select "{selection}"') if part)
    return f"run `{command}`, then validate again"

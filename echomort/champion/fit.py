"""Whether a finished model fits a project: its clips, its horizon, how its variables are made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echomort.champion.store import clip_of
from echomort.core.errors import UserError
from echomort.settings import Settings

NEEDED = ("outcomes", "cohort", "clinical_features", "clinical_scores", "linkage", "clips", "clip_views")
"""Assets from which a validation is made."""
DECIDING = ("outcome.horizon_days", "features.")
"""Settings, or beginnings of their keys, that decide what a model predicts and from which values."""


def require_fit(manifest: Mapping[str, Any], settings: Settings) -> None:
    """Raise :class:`UserError` where the candidate of ``manifest`` takes other clips than the project makes, predicts
    death within another time, or learnt from variables that were made otherwise."""
    theirs, ours = (clip.model_dump(mode="json") for clip in (clip_of(manifest), settings.imaging.clip))
    differing = {f"imaging.clip.{key}": (value, ours[key]) for key, value in theirs.items() if ours[key] != value}
    known = {key: value[0] for key, value in manifest["provenance"].get("settings", {}).items()}
    here = {key: str(value) for key, value, *_ in settings.provenance() if key.startswith(DECIDING)}
    differing |= {key: (known[key], value) for key, value in here.items() if known.get(key, value) != value}
    if differing:
        shown = ", ".join(f"{key} {theirs} (here {ours})" for key, (theirs, ours) in differing.items())
        flags = " ".join(f"--set {key}={theirs}" for key, (theirs, _) in differing.items())
        raise UserError(f"the champion was trained with {shown}", rerun_with(settings.home, flags))


def rerun_with(home: Path, flags: str) -> str:
    """Return the remedy: to make what a validation needs anew, with ``flags`` of ``echomort run``."""
    selection = ",".join(f"+{name}" for name in NEEDED)
    command = " ".join(part for part in (f"echomort run --home {home}", flags, f'--select "{selection}"') if part)
    return f"run `{command}`, then validate again"

"""Whether a finished model fits a project: its clips, its horizon, its variables."""

from collections.abc import Mapping
from typing import Any

from echomort.champion.store import clip_of
from echomort.core.errors import UserError
from echomort.settings import Settings


def require_fit(manifest: Mapping[str, Any], settings: Settings) -> None:
    """Raise :class:`UserError` where the candidate of ``manifest`` takes other clips than the project makes, or
    predicts death within another time."""
    theirs, ours = (clip.model_dump(mode="json") for clip in (clip_of(manifest), settings.imaging.clip))
    differing = {key: value for key, value in theirs.items() if ours[key] != value}
    if differing:
        shown = ", ".join(f"{key} {value} (here {ours[key]})" for key, value in differing.items())
        flags = " ".join(f"--set imaging.clip.{key}={value}" for key, value in differing.items())
        raise UserError(f"the champion takes other clips: {shown}", f"run `echomort run {flags}`, then validate again")
    known = manifest["provenance"].get("settings", {}).get("outcome.horizon_days")
    horizon = settings.outcome.horizon_days
    if known is not None and int(known[0]) != horizon:
        raise UserError(
            f"the champion predicts death within {known[0]} days, this project within {horizon}",
            f"run `echomort run --set outcome.horizon_days={known[0]}`, then validate again",
        )

"""What a validation's page and JSON are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from echomort.evaluation.resampling import Resampling
from echomort.evaluation.validation import Validated
from echomort.report import intended_use


@dataclass(frozen=True)
class ValidationData:
    """What was validated and what was found.

    ``champion``: id; ``manifest``: its facts; ``on``: the patients in words; ``counts``: (what, studies, patients) from
    all studies to those that were judged; ``settings``: those of this project that decide a figure; ``synthetic``:
    whether the archive is. ``plan``: the resampling of the bands. Groups with fewer deaths or survivors than
    ``suppress_below`` are withheld.
    """

    champion: str
    manifest: Mapping[str, Any]
    on: str
    counts: Sequence[tuple[str, int, int]]
    validated: Validated
    settings: Mapping[str, Any]
    synthetic: bool
    plan: Resampling
    suppress_below: int = 10

    @property
    def note(self) -> str:
        """What to say where model or archive is synthetic; empty where neither is."""
        if self.synthetic:
            return intended_use.SYNTHETIC_NOTE
        if self.manifest["synthetic"]:
            return "The champion was trained on generated patients: its risks mean nothing for a person."
        return ""

    @property
    def shown_counts(self) -> list[tuple[str, int | None, int | None]]:
        """The counts, None for those of fewer patients than :attr:`suppress_below`, but for 0."""
        return [
            (what, None, None) if 0 < patients < self.suppress_below else (what, studies, patients)
            for what, studies, patients in self.counts
        ]

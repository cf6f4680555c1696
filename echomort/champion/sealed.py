"""The sealed set, and the risks that a candidate would serve its patients."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from echomort.champion.scoring import score_in_child
from echomort.champion.store import (
    clip_of,
    pointer_to,
    read_manifest,
    read_sealed_risks,
    write_sealed_risks,
)
from echomort.settings import ClipSettings, Settings


@dataclass(frozen=True)
class SealedSet:
    """The sealed patients, one labelled study each.

    ``rows``: study_key, label (0 or 1), and columns that make groups (sex, age ...). ``clips`` and ``features`` of the
    same studies are as in :func:`echomort.champion.scoring.score_studies`.
    """

    rows: pd.DataFrame
    clips: pd.DataFrame
    features: pd.DataFrame
    clip: ClipSettings | None = None
    """Settings that the clips were made with, sizes of views included (None: ``imaging.clip``)."""


def sealed_risks(root: Path, candidate: str, sealed: SealedSet, settings: Settings) -> dict[str, float]:
    """Return study key -> the risk that ``candidate`` of the registry ``root`` would serve.

    They are scored anew, so that patients who were sealed since count; a candidate that was trained on clips of another
    size or rate keeps the risks that it was judged by then. Without a sealed patient it is loaded all the same, so that
    one that can't be is never promoted. Raises :class:`UserError` for a candidate that is damaged.
    """
    studies = set(sealed.rows["study_key"])
    manifest = read_manifest(root, pointer_to(root, candidate))
    if not clip_of(manifest).makes_the_same(sealed.clip or settings.imaging.clip, manifest["views"]):
        return {key: risk for key, risk in read_sealed_risks(root, candidate).items() if key in studies}
    scored = score_in_child(root, sealed.clips, sealed.features, settings.home, candidate)
    risks = {study.study_key: study.risk for study in scored}
    write_sealed_risks(root, candidate, risks)
    return risks

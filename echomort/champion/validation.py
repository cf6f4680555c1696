"""On whom a finished model is validated: which patients, which of their studies, and how many are left out and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from echomort.champion.scoring import ScoredStudy
from echomort.champion.store import candidate_folder, pointer_to, read_manifest, read_trained_patients
from echomort.core.errors import UserError
from echomort.evaluation.inputs import SMALLEST_RISK
from echomort.evaluation.too_few import has_too_few_outcomes, outcome_words
from echomort.settings import Settings
from echomort.vocabulary.model_names import CHAMPION
from echomort.vocabulary.roles import DEVELOPMENT, READER, ROLES, SEALED

YEARS = re.compile(r"(\d{4})(?:-(\d{4}))?")
RANGES, BEYOND = "ranges_of_cohort", "beyond"
"""The column of the groups by the ranges of the development cohort, and one of them."""
Count = tuple[str, int, int]
"""What is counted, studies, patients."""


@dataclass(frozen=True)
class Patients:
    """On whom to validate: those with one of ``roles``, echoes of the calendar years ``first`` to ``last`` (None: any).

    ``trained_on``: the keys of patients whom the model was trained on.
    """

    roles: Sequence[str]
    first: int | None
    last: int | None
    trained_on: Sequence[str]

    @property
    def words(self) -> str:
        """The patients in words."""
        if list(self.roles) == [SEALED]:
            return "the sealed set"
        if self.first is None:
            return "the whole archive"
        return f"echoes of {self.first} to {self.last}" if self.first != self.last else f"echoes of {self.first}"

    @property
    def slug(self) -> str:
        """The patients as a part of a folder's name."""
        return self.words.removeprefix("the ").removeprefix("echoes of ").replace(" ", "-")


@dataclass(frozen=True)
class Model:
    """A finished model: ``candidate`` of the registry ``root``."""

    root: Path
    candidate: str


def patients_of(settings: Settings, model: Model, years: str | None, sealed: bool) -> Patients:
    """Return on whom to validate ``model``: the ``sealed`` set, or everybody but the patients of the reader study and
    those whom it was trained on, with echoes of ``years`` (such as 2018-2020; None: any).

    Raises :class:`UserError` where nothing says whom it was trained on, or where ``years`` is no range.
    """
    first, last = _years(years)
    trained_on, roles = _trained_on(settings, model), [role for role in ROLES if role != READER]
    if trained_on is None:  # the registry is older than its lists
        trained_on, roles = [], [role for role in roles if role != DEVELOPMENT]
    return Patients([SEALED] if sealed else roles, first, last, trained_on)


def _trained_on(settings: Settings, model: Model) -> list[str] | None:
    """Return the patients of this archive whom the model was trained on: none, for a model from elsewhere; None where
    they are those of the development part, as roles are drawn now."""
    registry = settings.registry
    known = read_trained_patients(registry, model.candidate)
    if known is not None:
        return known
    if not candidate_folder(registry, model.candidate).is_dir():
        return []
    if read_manifest(registry, pointer_to(registry, model.candidate)).get("roles") != settings.cohort.role_digest:
        raise UserError(
            "nothing says whom the champion was trained on, and roles were drawn anew since",
            "run `echomort run` to train a champion, then validate that",
        )
    return None


def _years(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    found = YEARS.fullmatch(text.strip())
    if found is None or int(found[1]) > int(found[2] or found[1]):
        raise UserError(f"{text!r} is no range of years", "write for example --years 2018-2020")
    return int(found[1]), int(found[2] or found[1])


def draw(every: pd.DataFrame, patients: Patients, has_views: bool) -> tuple[pd.DataFrame, list[Count]]:
    """Return the studies to be scored, one or two a patient, and the counts of all and of those left out.

    ``every`` is what reads/evaluation/validation_frame.sql returns; ``has_views``: whether the model needs clips.
    Raises :class:`UserError` where nothing is left.
    """
    if every.empty:
        raise UserError(f"no study has follow-up: {patients.words}", "name other --years")
    seen = every["was_trained_on"].astype(bool)
    usable = ~seen & (every["has_clip"].astype(bool) | (not has_views))
    chosen = usable & (every["headline"].astype(bool) | every["followed_headline"].astype(bool))
    if seen.all():
        raise UserError(
            f"the champion was trained on every patient: {patients.words}",
            "name later --years, or leave them out: then the sealed set is used",
        )
    if not chosen.any():
        raise UserError(
            f"no study has a clip to score: {patients.words}", "name other --years, or see `echomort status`"
        )
    counts = [
        counted("Studies with follow-up", every),
        counted("Left out: the model was trained on the patient", every[seen]),
        counted("Left out: no clip", every[~seen & ~usable]),
        counted("Left out: another study of the patient was drawn", every[usable & ~chosen]),
    ]
    return every[chosen], counts


def served_scores(served: Sequence[ScoredStudy]) -> pd.DataFrame:
    """Return study_key, model and logit, the log odds of the risks that are served."""
    risk = np.clip([study.risk for study in served], SMALLEST_RISK, 1 - SMALLEST_RISK)
    keys = [study.study_key for study in served]
    return pd.DataFrame({"study_key": keys, "model": CHAMPION, "logit": np.log(risk / (1 - risk))})


def with_ranges(frame: pd.DataFrame, served: Sequence[ScoredStudy]) -> pd.DataFrame:
    """Return ``frame`` with groups of its studies: within what the champion's development cohort holds, or beyond."""
    beyond = [study.study_key for study in served if study.beyond]
    return frame.assign(**{RANGES: np.where(frame["study_key"].isin(beyond), BEYOND, "within")})


def counted(what: str, rows: pd.DataFrame) -> Count:
    """Return ``what`` with the numbers of studies and patients in ``rows``."""
    return what, len(rows), int(rows["patient_key"].nunique())


def judged_counts(frame: pd.DataFrame) -> list[Count]:
    """Return how many are judged, and what is known of them."""
    known = frame["headline"].astype(bool) & frame["label"].notna()
    lost = frame[frame["followed_headline"].astype(bool) & frame["label"].isna()]
    return [
        counted("Judged", frame),
        counted("Beyond what the development cohort of the model holds", frame[frame[RANGES] == BEYOND]),
        counted("Outcome at the horizon known", frame[known]),
        counted("Died within it", frame[known & (frame["label"] == 1)]),
        counted("In the weighted figures alone: follow-up ends before it", lost),
    ]


def require_outcomes(frame: pd.DataFrame, patients: Patients, least: int) -> None:
    """Raise :class:`UserError` where fewer than ``least`` deaths or survivors have a risk."""
    known = frame[frame["headline"].astype(bool) & frame["label"].notna()]
    died = known["label"].to_numpy(dtype=float) == 1
    if has_too_few_outcomes(died, least):
        found = f"{outcome_words(int(died.sum()), int((~died).sum()))} have a risk ({patients.words})"
        raise UserError(found, f"at least {least} of each are needed: name more --years, or wait for longer follow-up")

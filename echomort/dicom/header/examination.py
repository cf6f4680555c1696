"""What examination a loop belongs to, read from texts: of what, under which stress, with a contrast agent or not."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

from echomort.dicom.header.texts import TAGS_KEPT, plain_text

CARDIAC = "cardiac"
"""The kind of examination that this project is of."""

FETAL = "fetal"
"""The kind that counts beside words of the heart and views."""

UNSTATED = "unstated"
"""No text says it."""

DISPUTED = "examination_disputed"
"""Note: a text names another examination than an adult's heart, but something else contradicts it."""


@dataclass(frozen=True)
class ExaminationTags:
    """What a header says. ``series`` texts are of the loop's series, ``study`` texts of the whole examination; people
    typed both. ``is_cardiac`` says that a coded tag puts the probe on a chest, ``shows_view`` that a view is named."""

    series: tuple[str, ...] = field(default=(), repr=False)
    study: tuple[str, ...] = field(default=(), repr=False)
    stage: str = field(default="", repr=False)
    agent: str = field(default="", repr=False)
    is_cardiac: bool = False
    shows_view: bool = False


@dataclass(frozen=True)
class Examination:
    """Kind of examination, stage of a stress test (empty: none is named), and notes: words of closed lists."""

    kind: str = UNSTATED
    stage: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_foreign(self) -> bool:
        """Whether the texts name another examination than an adult's heart, and nothing contradicts them."""
        return self.kind not in {CARDIAC, UNSTATED}


@functools.lru_cache(maxsize=TAGS_KEPT)
def resolve_examination(tags: ExaminationTags) -> Examination:
    """Return what the texts say.

    A text of the series counts before those of the study. Another examination is believed only where its text is
    clear, no text of the same level names the heart, and no coded tag or view does; the hearts of the unborn have views
    too.

    >>> resolve_examination(ExaminationTags(study=("US Carotid Doppler",))).kind
    'carotid'
    >>> resolve_examination(ExaminationTags(study=("Stress echo",), stage="Peak"))
    Examination(kind='cardiac', stage='peak', notes=('stress',))
    """
    levels = (_kind_of(tags.series), _kind_of(tags.study))
    kind, doubt = next((level for level in levels if level != (UNSTATED, False)), (UNSTATED, False))
    stage, notes = _stage(tags), list[str]()
    is_heart = tags.is_cardiac or (tags.shows_view and kind != FETAL)
    if kind not in {CARDIAC, UNSTATED} and (is_heart or doubt):
        kind, doubt = UNSTATED, True
    if doubt:
        notes.append(DISPUTED)
    if _is_stress(tags, stage):
        notes.append("stress")
    if _has_contrast(tags):
        notes.append("contrast")
    return Examination(CARDIAC if kind == UNSTATED and is_heart else kind, stage, tuple(notes))


def _kind_of(texts: tuple[str, ...]) -> tuple[str, bool]:
    """Return the kind that ``texts`` name, and whether they contradict themselves."""
    plain = [plain_text(text) for text in texts]
    kinds = _rules()["kinds"]
    named = [kind for kind in kinds for text in plain if _finds(kinds[kind], text)]
    is_heart = any(_finds(_rules()["cardiac"], text) for text in plain)
    is_open = any(_finds(_rules()[word], text) for word in ("open", "doubtful") for text in plain)
    if not named:
        return (CARDIAC if is_heart or any(_finds(r"tte|echo", text) for text in plain) else UNSTATED), False
    if named[0] == FETAL and not any(_finds(_rules()["doubtful"], text) for text in plain):
        return FETAL, False
    if is_heart:
        return CARDIAC, True
    return named[0], is_open


def _stage(tags: ExaminationTags) -> str:
    for text in map(plain_text, (tags.stage, *tags.series)):
        found = {str(stage) for stage, words in _rules()["stages"].items() if _finds(words, text)}
        if len(found) == 1:
            return found.pop()
        if "peak" in found or "recovery" in found:
            return "peak" if "peak" in found else "recovery"
    return ""


def _is_stress(tags: ExaminationTags, stage: str) -> bool:
    """Whether the loop was recorded under or after stress, or in a stress test of which no stage is named."""
    texts = [plain_text(text) for text in (tags.stage, *tags.series, *tags.study)]
    is_test = any(_finds(_rules()["stress"], text) and not _finds("no|non|without", text) for text in texts)
    return stage != "rest" if is_test else bool(tags.stage) and stage in {"peak", "low", "recovery"}


def _has_contrast(tags: ExaminationTags) -> bool:
    agent = plain_text(tags.agent)
    if agent and not re.fullmatch(_rules()["none"], agent):
        return True
    texts = map(plain_text, (tags.stage, *tags.series, *tags.study))
    return any(_finds(_rules()["contrast"], text) and not _finds("no|non|not|without|w o", text) for text in texts)


def _finds(words: str, text: str) -> bool:
    return re.search(rf"\b(?:{words})\b", text) is not None


@functools.cache
def _rules() -> dict[str, Any]:
    return dict(yaml.safe_load(resources.files(__package__).joinpath("examination.yaml").read_text()))

"""Whether the heart was seen through the chest wall; from the oesophagus or from inside is another examination."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any

import yaml

BY_TEXT = "transoesophageal_by_text"
"""Note: a text says so, but something else contradicts it."""


class Approach(StrEnum):
    """Where the probe was."""

    CHEST = "chest"
    ELSEWHERE = "elsewhere"
    UNSAID = "unsaid"


@dataclass(frozen=True)
class ApproachTags:
    """What a header says of the probe; ``named`` texts belong to the loop or its series, ``ordered`` ones to the whole
    examination; ``shows_view`` tells that a tag names a transthoracic view."""

    examination: str = ""
    transducer_type: str = ""
    applications: tuple[str, ...] = ()
    probe: str = field(default="", repr=False)
    named: tuple[str, ...] = field(default=(), repr=False)
    ordered: tuple[str, ...] = field(default=(), repr=False)
    shows_view: bool = False


def resolve_approach(tags: ApproachTags) -> tuple[Approach, tuple[str, ...]]:
    """Return where the probe was, and notes.

    ImageType, the transducer's type and application, then its name decide. A text decides only where they are silent
    and no tag names a transthoracic view.
    """
    evidence = (_of_examination(tags), _of_application(tags), _of_type(tags), _of_probe(tags))
    said = next((approach for approach in evidence if approach is not Approach.UNSAID), Approach.UNSAID)
    texts = [_plain(text, apart=True) for text in (*tags.named, *tags.ordered)]
    written = any(map(_says_elsewhere, texts))
    doubted = tags.shows_view or any(map(_text("chest").search, texts))
    if said is Approach.UNSAID and written and not doubted:
        return Approach.ELSEWHERE, ()
    return said, (BY_TEXT,) if written and said is not Approach.ELSEWHERE else ()


def _of_examination(tags: ApproachTags) -> Approach:
    return _listed(tags.examination.strip().upper(), _book()["examinations"])


def _of_application(tags: ApproachTags) -> Approach:
    found = (_listed(code, _book()["applications"]) for code in tags.applications)
    return next((approach for approach in found if approach is not Approach.UNSAID), Approach.UNSAID)


def _of_type(tags: ApproachTags) -> Approach:
    matched = re.fullmatch(_book()["transducer_types"]["elsewhere"], tags.transducer_type.strip().lower())
    return Approach.ELSEWHERE if matched else Approach.UNSAID


def _of_probe(tags: ApproachTags) -> Approach:
    name = _plain(tags.probe)
    for approach in (Approach.ELSEWHERE, Approach.CHEST):
        if any(re.fullmatch(pattern, name) for pattern in _book()["probes"][approach.value]):
            return approach
    return Approach.UNSAID


def _listed(value: str, lists: dict[str, list[str]]) -> Approach:
    return next((Approach(approach) for approach, known in lists.items() if value in known), Approach.UNSAID)


def _says_elsewhere(plain: str) -> bool:
    return _text("plain").search(plain) is not None and _text("doubtful").search(plain) is None


def _plain(text: str, apart: bool = False) -> str:
    lowered = " ".join(re.sub(r"[\W_]+", " ", text[:256].lower()).split())
    return re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", " ", lowered) if apart else lowered


@functools.cache
def _text(kind: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_book()['texts'][kind]})(?!\w)")


@functools.cache
def _book() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("approach.yaml").read_text()
    return dict(yaml.safe_load(text))

"""Where the probe was: on the chest, or in the oesophagus or the heart, which is another examination."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any

import yaml

from echomort.dicom.header.texts import TAGS_KEPT, plain_text, split_digits

BY_TEXT = "transoesophageal_by_text"
"""Note: a text says that the probe was in the oesophagus, but something else contradicts it."""


class Approach(StrEnum):
    """Where the probe was."""

    CHEST = "chest"
    ELSEWHERE = "elsewhere"
    UNSTATED = "unstated"


@dataclass(frozen=True)
class ApproachTags:
    """What a header says of the probe.

    ``named`` texts belong to the loop or its series, ``ordered`` ones to the whole examination; ``shows_view`` says
    that a tag names a transthoracic view.
    """

    examination: str = ""
    transducer_type: str = ""
    applications: tuple[str, ...] = ()
    probe: str = field(default="", repr=False)
    named: tuple[str, ...] = field(default=(), repr=False)
    ordered: tuple[str, ...] = field(default=(), repr=False)
    shows_view: bool = False


@functools.lru_cache(maxsize=TAGS_KEPT)
def resolve_approach(tags: ApproachTags) -> tuple[Approach, tuple[str, ...]]:
    """Return where the probe was, and notes.

    ImageType, the transducer's application and type, then its name decide. A text decides only where none of them says
    anything and no tag names a transthoracic view.
    """
    evidence = (_by_examination(tags), _by_application(tags), _by_type(tags), _by_probe(tags))
    stated = next((approach for approach in evidence if approach is not Approach.UNSTATED), Approach.UNSTATED)
    texts = [split_digits(plain_text(text)) for text in (*tags.named, *tags.ordered)]
    is_written = any(map(_says_elsewhere, texts))
    is_contradicted = tags.shows_view or any(map(_pattern("chest").search, texts))
    if stated is Approach.UNSTATED and is_written and not is_contradicted:
        return Approach.ELSEWHERE, ()
    return stated, (BY_TEXT,) if is_written and stated is not Approach.ELSEWHERE else ()


def _by_examination(tags: ApproachTags) -> Approach:
    return _look_up(tags.examination.strip().upper(), _rules()["examinations"])


def _by_application(tags: ApproachTags) -> Approach:
    found = (_look_up(code, _rules()["applications"]) for code in tags.applications)
    return next((approach for approach in found if approach is not Approach.UNSTATED), Approach.UNSTATED)


def _by_type(tags: ApproachTags) -> Approach:
    matched = re.fullmatch(_rules()["transducer_types"]["elsewhere"], tags.transducer_type.strip().lower())
    return Approach.ELSEWHERE if matched else Approach.UNSTATED


def _by_probe(tags: ApproachTags) -> Approach:
    name = plain_text(tags.probe)
    for approach in (Approach.ELSEWHERE, Approach.CHEST):
        if any(re.fullmatch(pattern, name) for pattern in _rules()["probes"][approach.value]):
            return approach
    return Approach.UNSTATED


def _look_up(value: str, lists: dict[str, list[str]]) -> Approach:
    return next((Approach(approach) for approach, known in lists.items() if value in known), Approach.UNSTATED)


def _says_elsewhere(plain: str) -> bool:
    return _pattern("plain").search(plain) is not None and _pattern("doubtful").search(plain) is None


@functools.cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_rules()['texts'][kind]})(?!\w)")


@functools.cache
def _rules() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("approach.yaml").read_text()
    return dict(yaml.safe_load(text))

"""What numbers look like: counts, lengths and kinds of signs. Never a number, nor a part of one."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby

FEWEST_SHOWN = 5
"""Numbers of one form from which it is described; rarer forms are counted together. Our choice, as small cells of a
published table: what one number looks like is a part of it. A form of all numbers is described at any size."""

MOST_RUNS = 7
"""Runs of equal signs in a form; a form with more is `mixed signs`. Our choice: it stays readable."""

MOST_FORMS = 6
"""Forms that are described at most, the most frequent; the others are counted together. Our choice: they fit a page."""

UID = re.compile(r"(?=.{10})[0-2](\.(0|[1-9]\d*)){2,}")
"""The form of a UID (PS3.5 section 9.1); of three parts and ten signs or more, so that it is no decimal number."""

KINDS = {
    "digit": ("digit", "digits"),
    "letter": ("letter", "letters"),
    "sign": ("sign", "signs"),
    "space": ("space", "spaces"),
}
"""Kind of a sign -> its noun, for one and for several."""


@dataclass(frozen=True)
class Form:
    """One way in which ``count`` numbers are written, in words."""

    words: str
    count: int


@dataclass(frozen=True)
class Shape:
    """What ``count`` different numbers look like: the ``shortest`` and ``longest`` of those that are described, the
    forms, how many are ``rare`` and not described, and of each feature (such as leading zeros) in how many numbers it
    is (None: in few)."""

    count: int
    shortest: int
    longest: int
    forms: tuple[Form, ...]
    rare: int
    features: Mapping[str, int | None]
    same_start: int
    """How many first characters nine of ten numbers share."""


def shape_of(numbers: Collection[str]) -> Shape:
    """Return the shape of different ``numbers``."""
    by_form: dict[tuple[str, ...], list[str]] = {}
    for number in numbers:
        by_form.setdefault(_runs(number), []).append(number)
    groups = sorted(by_form.items(), key=lambda one: (-len(one[1]), one[0]))
    shown = [(runs, found) for runs, found in groups if len(found) >= FEWEST_SHOWN or len(groups) == 1][:MOST_FORMS]
    forms = tuple(Form(_words(runs, found), len(found)) for runs, found in shown)
    lengths = [len(number) for _, found in shown or groups for number in found] or [0]
    return Shape(
        len(numbers),
        min(lengths),
        max(lengths),
        forms,
        len(numbers) - sum(form.count for form in forms),
        _features(numbers),
        _same_start(numbers),
    )


def shape_words(shape: Shape) -> str:
    """Return the shape in one line."""
    lengths = _range(shape.shortest, shape.longest)
    parts = [f"{form.words}" + ("" if form.count == shape.count else f" ({form.count})") for form in shape.forms]
    parts += [f"other forms ({shape.rare})"] if shape.rare else []
    parts += [
        f"{name} in {'a few' if count is None else 'all' if count == shape.count else count}"
        for name, count in shape.features.items()
    ]
    parts += [f"the same first {shape.same_start}"] if shape.same_start else []
    return f"{lengths} character{'' if lengths == '1' else 's'}: {'; '.join(parts)}"


def _runs(number: str) -> tuple[str, ...]:
    if UID.fullmatch(number):
        return ("UID",)
    runs = tuple(kind for kind, _ in groupby(number, _kind))
    return runs if len(runs) <= MOST_RUNS else ("mixed signs",)


def _kind(sign: str) -> str:
    return "digit" if sign.isdigit() else "letter" if sign.isalpha() else "space" if sign.isspace() else "sign"


def _words(runs: tuple[str, ...], numbers: Collection[str]) -> str:
    if runs[0] not in KINDS:
        return runs[0]
    lengths = zip(*([len(list(signs)) for _, signs in groupby(number, _kind)] for number in numbers), strict=True)
    return ", ".join(
        f"{_range(min(each), max(each))} {KINDS[kind][max(each) > 1]}" for kind, each in zip(runs, lengths, strict=True)
    )


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _features(numbers: Collection[str]) -> dict[str, int | None]:
    counts = {
        "leading zeros": sum(
            number.startswith("0") and len(number) > 1 for number in numbers if not UID.fullmatch(number)
        ),
        "small letters": sum(any(sign.islower() for sign in number) for number in numbers),
        "a .0 at the end": sum(re.fullmatch(r"\d+\.0+", number) is not None for number in numbers),
    }
    return {name: _grouped(count, len(numbers)) for name, count in counts.items() if count}


def _grouped(count: int, of: int) -> int | None:
    return count if count >= FEWEST_SHOWN or count == of else None


def _same_start(numbers: Collection[str]) -> int:
    """Return how many first characters nine of ten numbers share; 0 where they are too few to say."""
    if len(numbers) < FEWEST_SHOWN:
        return 0
    length = 0
    while length < min(map(len, numbers)):
        ((_, commonest),) = Counter(number[: length + 1] for number in numbers).most_common(1)
        if commonest < 0.9 * len(numbers):
            break
        length += 1
    return length

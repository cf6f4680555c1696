"""What is said about numbers: their shape, and never a number or a part of one."""

import json
import re
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from echomort.linkage.shapes import FEWEST_SHOWN, shape_of, shape_words


def test_the_shape_of_each_usual_kind():
    for numbers, words in (
        ([f"00{n}" for n in range(1000, 1010)], "6 characters: 6 digits; leading zeros in all; the same first 5"),
        (
            [f"UKG-2017-{n:05d}" for n in range(0, 99000, 9900)],
            "14 characters: 3 letters, 1 sign, 4 digits, 1 sign, 5 digits",
        ),
        ([f"2.25.{n}" for n in range(10**30, 10**31, 10**30)], "36 characters: UID"),
        ([f"{n}.0" for n in range(1000, 9000, 800)], "6 characters: 4 digits, 1 sign, 1 digit; a .0 at the end in all"),
        (
            [f"ab{n}" for n in range(10, 90, 10)],
            "4 characters: 2 letters, 2 digits; small letters in all; the same first 2",
        ),
    ):
        assert shape_words(shape_of(numbers)).startswith(words), shape_words(shape_of(numbers))


def test_rare_forms_are_counted_together():
    common = [f"{n:06d}" for n in range(100000, 100020)]
    rare = ["SMITH-1", "JONES-22", "x1x2x3x4x5", "0123456789012"]
    shape = shape_of([*common, *rare])
    assert [form.count for form in shape.forms] == [21]  # the longer number has the same form: digits
    assert shape.rare == 3
    assert shape.features == {"leading zeros": None, "small letters": None}
    assert (shape.shortest, shape.longest) == (6, 13)
    assert len(rare) < FEWEST_SHOWN


@given(st.lists(st.text("QZWXKJ98765", min_size=3, max_size=12), unique=True, max_size=30))
def test_no_number_and_no_part_of_one_is_said(numbers):
    shape = shape_of(numbers)
    said = shape_words(shape) + json.dumps(asdict(shape))
    assert not re.search("[QZWXKJ]", said)
    for number in numbers:
        assert number not in said
    counts = [form.count for form in shape.forms]
    assert sum(counts) + shape.rare == shape.count == len(numbers)
    assert len(counts) <= 1 or min(counts) >= FEWEST_SHOWN

"""The rule that links two sides is found, whatever was done to the numbers, and chance is told from it."""

import random

import pytest

from echomort.linkage.rules import Records
from echomort.linkage.search import File, best_pair, rules_of

DONE = {
    "zeros in front": (lambda number: f"000{number}", {"ignore": ("leading_zeros",)}),
    "a letter in front": (lambda number: f"H{number}", {"header_prefix": 1}),
    "a site in front": (lambda number: f"UKG-{number}", {"header_prefix": 4}),
    "a suffix": (lambda number: f"{number}_ST", {"header_suffix": 3}),
    "hyphens": (lambda number: f"{number[:3]}-{number[3:]}", {"ignore": ("separators",)}),
    "a float": (lambda number: f"{number}.0", {"ignore": ("point_zero",)}),
    "zeros behind a letter": (lambda number: f"H00{number}", {"header_prefix": 3}),
    "nothing": (lambda number: number, {}),
}
"""What a system did to the numbers of the headers -> the rule that undoes it."""


def drawn(count=40, seed=1):
    """Return different numbers of seven digits, the first of them no zero."""
    return [str(number) for number in random.Random(seed).sample(range(1_000_000, 9_999_999), count)]


@pytest.mark.parametrize("done", DONE)
def test_the_simplest_rule_that_matches_all_is_first(done):
    change, undo = DONE[done]
    numbers = drawn()
    found = rules_of("PatientID", [change(number) for number in numbers], Records({n: f"P{n}" for n in numbers}))
    assert (found[0].matched, found[0].collisions) == (40, 0)
    assert found[0].rule.model_dump(exclude_defaults=True) == undo


@pytest.mark.parametrize("done", DONE)
def test_an_archive_larger_than_the_records_gets_the_same_rule(done):
    change, undo = DONE[done]
    numbers = drawn()
    known = Records({number: f"P{number}" for number in numbers[:25]})
    found = rules_of("PatientID", [change(number) for number in numbers], known)
    best = max((one for one in found if not one.collisions), key=lambda one: one.matched)
    assert best.matched == 25
    assert best.rule.model_dump(exclude_defaults=True) == undo


@pytest.mark.parametrize("done", [name for name in DONE if name != "nothing"])
def test_the_records_may_be_the_side_that_was_changed(done):
    change, _ = DONE[done]
    numbers = drawn()
    found = rules_of("PatientID", numbers, Records({change(number): f"P{number}" for number in numbers}))
    assert (found[0].matched, found[0].collisions) == (40, 0)


def test_numbers_of_two_systems_match_by_no_rule():
    found = rules_of("PatientID", drawn(seed=1), Records({number: number for number in drawn(seed=2)}))
    assert max(one.matched for one in found) <= 1


def test_a_rule_that_confuses_people_is_named_and_never_first():
    records = Records({"0123456": "A", "123456": "B", "777": "C"})
    found = rules_of("PatientID", ["00123456", "000777"], records)
    assert [one.collisions for one in found if one.rule.ignore] == [2]
    assert found[0].collisions == 0
    assert best_pair([], {"study": found, "patient": found}, {"study": records, "patient": records}, {}) is None


def test_what_matches_by_chance_links_nothing():
    """Dense numbers: cutting the headers' numbers gives a study of the records, but of another patient."""
    files = [
        File((("AccessionNumber", f"70{n:03d}"), ("StudyID", f"S{n}"), ("PatientID", f"{n:05d}"))) for n in range(50)
    ]
    studies = Records({f"{n:03d}": f"{n}" for n in range(50)} | {f"s{n}": f"true {n}" for n in range(50)})
    patients = Records({str(n): f"P{n}" for n in range(50)})
    patient_of = {f"{n}": f"P{49 - n}" for n in range(50)} | {f"true {n}": f"P{n}" for n in range(50)}
    found = {
        "study": [
            *rules_of("AccessionNumber", [f"70{n:03d}" for n in range(50)], studies),
            *rules_of("StudyID", [f"S{n}" for n in range(50)], studies),
        ],
        "patient": rules_of("PatientID", [f"{n:05d}" for n in range(50)], patients),
    }
    assert {one.tag for one in found["study"] if one.matched == 50} == {"AccessionNumber", "StudyID"}
    best = best_pair(files, found, {"study": studies, "patient": patients}, patient_of)
    assert (best.study.tag, best.linked) == ("StudyID", 50)
    assert best.study.rule.ignore == ("case",)
    assert best.patient.rule.ignore == ("leading_zeros",)

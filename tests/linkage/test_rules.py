"""Numbers of headers and records that are the same by a rule; a rule that confuses two people is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.linkage.rules import Records, map_digests, read_map, require_no_collision, same_numbers
from echomort.settings import NumberRule

WRITTEN = {
    "leading_zeros": ("0018749067", "18749067"),
    "case": ("ukg12345", "UKG12345"),
    "separators": ("UKG-2017/00001", "UKG 2017.00001"),
    "point_zero": ("18749067", "18749067.0"),
}
"""What is ignored -> one number in two ways of writing."""


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("ignored", WRITTEN)
def test_each_difference_counts_unless_it_is_ignored(ignored, swapped):
    header, record = WRITTEN[ignored][::-1] if swapped else WRITTEN[ignored]
    records = Records({record: "A", "another": "B"})
    assert same_numbers([header], records, NumberRule()).owners == {}
    others = tuple(name for name in WRITTEN if name != ignored)
    assert same_numbers([header], records, NumberRule(ignore=others)).owners == {}
    assert same_numbers([header], records, NumberRule(ignore=(ignored,))).owners == {header: "A"}


@pytest.mark.parametrize("end", ["prefix", "suffix"])
def test_only_what_most_numbers_share_is_cut(end):
    def written(number, part):
        return part + number if end == "prefix" else number + part

    header = [written(f"{number:04d}", "AB") for number in range(5)] + [written("0004", "CD"), "0003"]
    records = Records({f"{number:04d}": f"P{number}" for number in range(5)})
    found = same_numbers(header, records, NumberRule(**{f"header_{end}": 2}))
    assert found.owners == {**{header[number]: f"P{number}" for number in range(5)}, "0003": "P3"}
    swapped = Records({number: f"P{place}" for place, number in enumerate(header[:5])})
    back = same_numbers(list(records.owners), swapped, NumberRule(**{f"record_{end}": 2}))
    assert back.owners == records.owners


def test_what_one_number_begins_with_is_no_prefix():
    assert same_numbers(["AB1"], Records({"1": "A"}), NumberRule(header_prefix=2)).owners == {}


def test_people_whom_a_rule_confuses_are_counted_and_refused():
    records = Records({"007": "A", "7": "B", "8": "C", "08": "C"})
    found = same_numbers(["0007", "0008"], records, NumberRule(ignore=("leading_zeros",)))
    assert found.collisions == 2
    assert found.owners == {"0008": "C"}, "two numbers of one person are no collision"
    with pytest.raises(UserError, match="makes 2 different patients of the records the same"):
        require_no_collision(found, "patient")
    require_no_collision(same_numbers(["0007"], records, NumberRule()), "patient")


def test_a_map_decides_alone_about_its_numbers(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("dicom,record\n123,456\n124,none\n")
    records = Records({"123": "another hospital's", "456": "A", "124": "B", "125": "C"})
    rule = NumberRule(map=path)
    found = same_numbers(["123", "124", "125"], records, rule, read_map(path))
    assert found.owners == {"123": "A", "125": "C"}


def test_a_map_that_contradicts_itself_is_refused_without_a_number(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("dicom,record\nSECRET1,R1\nSECRET1,R2\n")
    with pytest.raises(UserError, match=r"map.csv: 1 numbers of column dicom") as caught:
        read_map(path)
    assert "SECRET" not in str(caught.value)


def test_the_digest_of_a_map_is_of_what_it_says(tmp_path):
    path = tmp_path / "map.csv"
    digests = []
    for text in ("dicom,record\n1,2\n3,4\n", "dicom,record\n3,4\n1,2\n\n", "dicom,record\n1,2\n3,5\n"):
        path.write_text(text)
        digests.append(map_digests(NumberRule(map=path))["map.csv"])
    assert digests[0] == digests[1] != digests[2]
    assert map_digests(NumberRule()) == {}


NUMBERS = st.text("0aA1-. ", min_size=1, max_size=5).map(str.strip).filter(bool)
RULES = st.builds(
    NumberRule,
    ignore=st.lists(st.sampled_from(sorted(WRITTEN)), unique=True).map(tuple),
    header_prefix=st.integers(0, 2),
    record_suffix=st.integers(0, 2),
)


@given(st.lists(NUMBERS, max_size=8), st.dictionaries(NUMBERS, st.sampled_from("ABC"), max_size=8), RULES)
def test_laws_of_every_rule(header, records, rule):
    exact = same_numbers(header, Records(records), NumberRule()).owners
    found = same_numbers(header, Records(records), rule)
    assert exact == {number: records[number] for number in header if number in records}
    assert exact.items() <= found.owners.items(), "a number of the records is its owner's, whatever the rule"
    assert set(found.owners) <= set(header)
    assert found == same_numbers(reversed(header), Records(dict(reversed(records.items()))), rule), "order is nothing"
    assert found.collisions <= len(set(records.values()))

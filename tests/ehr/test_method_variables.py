"""The method's variables against its preprint (arXiv 1811.10553v2, pages 15 to 17, Extended Data Table 2), typed here a
second time."""

import pytest

from echomort.ehr.variable_sets import PARTS, TEN
from echomort.ehr.variables import catalogue, model_inputs, names
from echomort.models.coding import LEVELS

CLINICAL = [
    ("age", "years"),
    ("sex", ""),
    ("smoking", ""),
    ("height", "cm"),
    ("weight", "kg"),
    ("heart rate", ""),
    ("diastolic pressure", ""),
    ("systolic pressure", ""),
    ("LDL", "mg/dL"),
    ("HDL", "mg/dL"),
]
VALVES = ("aortic", "mitral", "tricuspid", "pulmonary")
ECHO = {
    "%": ["LVEF"],
    "cm/s2": ["AI dec slope", "MV dec slope", "PA acc slope"],
    "cm/s": [
        *("AI max vel", "Ao V2 max", "Ao V2 mean", "LV V1 max", "LV V1 mean", "MR max vel", "MV A point", "MV E point"),
        *("MV P1/2t max-vel", "PA V2 max", "TR max vel"),
    ],
    "cm": [
        *("Ao V2 VTI", "Ao root diam", "Asc Aorta", "IVSd", "LA dimension", "LV V1 VTI", "LVIDd", "LVIDs", "LVLd ap2"),
        *("LVLd ap4", "LVLs ap2", "LVLs ap4", "LVOT diam", "LVPWd", "RVDd"),
    ],
    "ml": [
        *(f"{phase} {way}" for phase in ("EDV", "ESV") for way in ("MOD-sp2", "MOD-sp4", "sp2-el", "sp4-el")),
        *("LAV MOD-sp2", "LAV MOD-sp4"),
    ],
    "cm2": ["LVAd ap2", "LVAd ap4", "LVAs ap2", "LVAs ap4", "LVOT area"],
    "s": ["MV dec time", "PA acc time", "Pulm R-R"],
    "mmHg": ["RAP systole"],
    "": [
        *(f"{valve} valve {fault}" for valve in VALVES for fault in ("regurgitation", "stenosis")),
        "diastolic function",
    ],
}
GROUPS = (
    "I00-I02 I05-I09 I10-I13 I15 I16 I20-I25 I26-I28 I30 I31-I39 I43-I45 I49 I51 I40 I42 I46 I47 I48 I50 I60-I63 "
    "I65-I69 I70-I79 I80-I83 I85-I89 I95 I96 I97 I99 E08-E11 E13 Q20-Q26 E78 N18"
)
"""The 90 groups; each code of a span is a group of its own."""


def codes() -> list[str]:
    """Return the codes of ``GROUPS``, one each."""
    found = []
    for span in GROUPS.split():
        first, _, last = span.partition("-")
        found += [f"{first[0]}{number:02d}" for number in range(int(first[1:]), int((last or first)[1:]) + 1)]
    return found


def test_the_method_has_10_clinical_58_echo_variables_and_90_diagnosis_groups():
    assert [len(names(part)) for part in ("clinical", "echo", "diagnosis")] == [10, 58, 90]
    assert model_inputs() == names("clinical", "echo", "diagnosis")
    assert len(set(model_inputs())) == 158


def test_the_clinical_and_echo_variables_are_those_of_the_preprint_in_its_units():
    echo = {(name, unit) for unit, of_unit in ECHO.items() for name in of_unit}
    assert len(echo) == 58
    found = {(one.preprint_name, one.preprint_unit) for one in catalogue() if one.set in ("clinical", "echo")}
    assert found == echo | set(CLINICAL)


def test_a_value_is_kept_in_the_unit_of_the_preprint():
    ucum = {"ml": "mL", "mmHg": "mm[Hg]", "years": "a"}
    for one in catalogue():
        if one.preprint_unit:
            assert one.unit == ucum.get(one.preprint_unit, one.preprint_unit), one.name


def test_the_diagnosis_groups_are_the_ninety_codes_of_the_preprint():
    assert len(codes()) == len(set(codes())) == 90
    groups = [one for one in catalogue() if one.set == "diagnosis"]
    assert sorted(one.preprint_name for one in groups) == sorted(codes())
    assert all(one.code_from == one.code_to == one.preprint_name for one in groups)
    assert not {"I41", "I52", "I64", "I98", "Q27", "Q28"} & set(codes())


def test_grades_of_valves_are_one_column_a_level_and_the_diastolic_function_is_its_code():
    graded = {one.preprint_name: one.levels for one in catalogue() if one.coding == "one_hot"}
    assert set(graded) == {name for name in ECHO[""] if "valve" in name}
    assert set(graded.values()) == set(LEVELS.values()) == {(0, 1, 2, 3)}
    (diastolic,) = (one for one in catalogue() if one.preprint_name == "diastolic function")
    assert (diastolic.levels, diastolic.coding) == ((-1, 0, 1, 2, 3), "")


def test_readers_are_shown_the_ten_in_their_rank():
    ranked = "age, TR max vel, heart rate, LDL, LVEF, diastolic pressure, PA acc time, systolic pressure, "
    ranked += "PA acc slope, diastolic function"
    by_name = {one.name: one.preprint_name for one in catalogue()}
    assert ", ".join(by_name[name] for name in TEN) == ranked


@pytest.mark.parametrize(("part", "count"), [("clinical", 100), ("echo", 58), ("all", 158)])
def test_the_parts_of_the_baselines_hold_the_method_s_variables_alone(part, count):
    assert len(names(*PARTS[part])) == count

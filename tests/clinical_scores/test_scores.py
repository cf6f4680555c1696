"""Clinical scores against published vectors, at their limits, and where a row can't be scored."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echomort.clinical_scores import furosemide_equivalent, maggic, pooled_cohort, prevent, score_file, seattle
from echomort.core.errors import UserError

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "clinical_vectors.json").read_text())
PCE, PREVENT, SHFM, MAGGIC = (pd.DataFrame(VECTORS[name]) for name in ("pce", "prevent_base", "shfm", "maggic"))
SCORES = {
    "pce": (pooled_cohort, PCE),
    "prevent": (prevent, PREVENT),
    "shfm": (seattle, SHFM),
    "maggic": (maggic, MAGGIC),
}
every_score = pytest.mark.parametrize("name", SCORES)


def one(vectors: pd.DataFrame, **changes: object) -> pd.DataFrame:
    """The last vector with some of its values changed."""
    return pd.DataFrame([{**vectors.iloc[-1].to_dict(), **changes}])


def test_pooled_cohort_equals_table_a():
    scored = pooled_cohort(PCE)
    assert scored["risk"].to_numpy() == pytest.approx(PCE["risk_tableA"].to_numpy(), abs=1e-6)
    assert scored["reason"].isna().all()


def test_pooled_cohort_gives_the_guidelines_worked_example_in_exact_arithmetic():
    percent = 100 * pooled_cohort(PCE)["risk"][:4]
    assert percent.tolist() == pytest.approx([2.1, 3.0, 5.3, 6.1], abs=0.1)


@pytest.mark.parametrize("race", ["Black", "African American", "black or african american "])
def test_each_spelling_of_black_takes_the_same_equation(race):
    assert pooled_cohort(PCE[1:2].assign(race=race)).iloc[0, 0] == pooled_cohort(PCE)["risk"][1]


@pytest.mark.parametrize("race", ["other", "asian", "hispanic", "White", " WHITE ", "Caucasian", "native", "pacific"])
def test_every_race_but_black_takes_the_white_equation(race):
    rows = PCE[:1].assign(race=race)
    assert pooled_cohort(rows)["risk"][0] == pooled_cohort(PCE[:1])["risk"][0]


def test_prevent_equals_its_vectors():
    scored = prevent(PREVENT)
    for outcome in ("cvd10", "ascvd10", "hf10"):
        assert scored[outcome].to_numpy() == pytest.approx(PREVENT[outcome].to_numpy(), abs=1e-6)
    assert scored["reason"].isna().all()


def test_seattle_equals_its_vectors():
    scored = seattle(SHFM)
    for output in ("score", "s1", "s2", "s5"):
        assert scored[output].to_numpy() == pytest.approx(SHFM[output].to_numpy(), abs=1e-6)
    assert scored["reason"].isna().all()


def test_maggic_equals_its_vectors_exactly():
    scored = maggic(MAGGIC)
    assert scored["score"].tolist() == MAGGIC["score"].tolist()
    tabled = MAGGIC["mort1y"].notna()
    assert tabled.sum() == len(MAGGIC) - 1
    for output in ("mort1y", "mort3y"):
        np.testing.assert_array_equal(scored[output][tabled], MAGGIC[output][tabled].astype(float))


@pytest.mark.parametrize("policy", ["strict", "clamp", "extrapolate"])
def test_maggic_beyond_its_table(policy):
    """57 points: the items allow them, the published table ends at 50."""
    scored = maggic(MAGGIC[:1], policy).iloc[0]
    assert (scored["score"], scored["mort1y"], scored["mort3y"]) == (57, 0.842, 0.985)
    assert scored["reason"] == "clamped:score"


LIMITS = [
    ("pce", "age", 40, 79, 1),
    ("pce", "tc", 130, 320, 1),
    ("pce", "hdl", 20, 100, 1),
    ("pce", "sbp", 90, 200, 1),
    ("prevent", "age", 30, 79, 1),
    ("prevent", "tc", 130, 320, 1),
    ("prevent", "hdl", 20, 100, 1),
    ("prevent", "sbp", 90, 180, 1),
    ("prevent", "egfr", 15, 140, 1),
    ("prevent", "bmi", 18.5, 39.9, 0.1),
    ("shfm", "age", 18, 110, 1),
    ("shfm", "ef", 5, 90, 1),
    ("shfm", "na", 100, 180, 1),
    ("shfm", "ua", 0.5, 25, 0.1),
]


@pytest.mark.parametrize(("name", "column", "low", "high", "step"), LIMITS)
def test_limits_belong_to_the_range_and_a_step_beyond_does_not(name, column, low, high, step):
    function, vectors = SCORES[name]
    rows = pd.concat([one(vectors, **{column: value}) for value in (low - step, low, high, high + step)])
    scored = function(rows)
    assert scored.iloc[:, 0].isna().tolist() == [True, False, False, True]
    assert scored["reason"].tolist() == [f"out_of_range:{column}", None, None, f"out_of_range:{column}"]


@pytest.mark.parametrize(("name", "column", "low", "high", "step"), LIMITS)
def test_clamping_gives_the_figure_of_the_limit(name, column, low, high, step):
    function, vectors = SCORES[name]
    for limit, beyond in ((low, low - step), (high, high + step)):
        clamped = function(one(vectors, **{column: beyond}), "clamp")
        assert clamped.iloc[0, 0] == function(one(vectors, **{column: limit})).iloc[0, 0]
        assert clamped["reason"][0] == f"clamped:{column}"


def test_extrapolating_follows_the_equation_beyond_its_limits():
    ages = pd.concat([one(PCE, age=age) for age in (78, 79, 80, 85)], ignore_index=True)
    scored = pooled_cohort(ages, "extrapolate")
    assert (np.diff(scored["risk"]) > 0).all()
    assert scored["reason"].tolist() == [None, None, "extrapolated:age", "extrapolated:age"]


@every_score
def test_each_missing_input_is_named_and_gives_no_figure(name):
    function, vectors = SCORES[name]
    for column in _inputs(name):
        for policy in ("strict", "clamp", "extrapolate"):
            scored = function(one(vectors, **{column: None}), policy)
            assert scored.drop(columns="reason").isna().all(axis=None), column
            assert scored["reason"][0] == f"missing:{column}"


@every_score
def test_each_column_that_is_not_there_is_named(name):
    function, vectors = SCORES[name]
    for column in _inputs(name):
        with pytest.raises(UserError, match=f"lacks {column}"):
            function(vectors.drop(columns=column))


@every_score
def test_text_and_impossible_values_are_invalid(name):
    function, vectors = SCORES[name]
    for column in _inputs(name):
        for value in ("many", math.inf, -1):
            scored = function(one(vectors, **{column: value}), "extrapolate")
            assert scored.iloc[:, 0].isna().all()
            assert scored["reason"][0] == f"invalid:{column}"


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("pce", "sex", "X"),
        ("pce", "race", "martian"),
        ("pce", "smoker", 2),
        ("shfm", "nyha", 5),
        ("maggic", "nyha", 2.5),
    ],
)
def test_unknown_codes_are_invalid_whatever_the_policy(name, column, value):
    function, vectors = SCORES[name]
    for policy in ("strict", "clamp", "extrapolate"):
        assert function(one(vectors, **{column: value}), policy)["reason"][0] == f"invalid:{column}"


@every_score
def test_one_bad_row_leaves_the_others_as_they_were(name):
    function, vectors = SCORES[name]
    column = "age"
    rows = vectors.astype({column: object}).copy()
    rows.loc[1, column] = "unknown"
    whole, damaged = function(vectors), function(rows)
    pd.testing.assert_frame_equal(whole.drop(index=1), damaged.drop(index=1))


@every_score
def test_several_troubles_are_all_named(name):
    function, vectors = SCORES[name]
    scored = function(
        one(vectors, age=None, sbp=None, smoker="x") if name != "shfm" else one(vectors, age=None, sbp=None)
    )
    assert scored["reason"][0].startswith("missing:age+sbp")
    assert name == "shfm" or scored["reason"][0].endswith(";invalid:smoker")


@every_score
def test_the_index_is_kept_and_an_empty_table_is_an_empty_answer(name):
    function, vectors = SCORES[name]
    assert function(vectors.set_axis([f"row {n}" for n in range(len(vectors))])).index[0] == "row 0"
    assert len(function(vectors[:0])) == 0


@every_score
def test_texts_booleans_and_nullable_types_are_read_alike(name):
    function, vectors = SCORES[name]
    expected = function(vectors)
    inputs = vectors[_inputs(name)]
    pd.testing.assert_frame_equal(function(inputs.astype(str)), expected)
    pd.testing.assert_frame_equal(function(inputs.convert_dtypes()), expected)
    flags = [column for column in inputs if set(inputs[column]) <= {0, 1}]
    pd.testing.assert_frame_equal(function(inputs.astype(dict.fromkeys(flags, bool))), expected)


YES_AND_NO = (("yes", "no"), ("Y", "N"), ("TRUE", "False"), (True, False), (1.0, 0.0), ("1", "0"), ("1.0", "0.0"))


@pytest.mark.parametrize(("yes", "no"), YES_AND_NO)
def test_yes_and_no_are_read_however_they_are_said(yes, no):
    for name, column in (("pce", "diabetes"), ("prevent", "statin"), ("shfm", "allo"), ("maggic", "copd")):
        function, vectors = SCORES[name]
        said = vectors[column].map({1: yes, 0: no})
        pd.testing.assert_frame_equal(function(vectors.assign(**{column: said})), function(vectors))


def test_a_class_in_roman_numerals_and_a_sex_in_words_are_read():
    roman = {1: "I", 2: "II", 3: "III", 4: "IV"}
    assert maggic(MAGGIC.assign(nyha=MAGGIC["nyha"].map(roman)))["score"].tolist() == MAGGIC["score"].tolist()
    words = PREVENT.assign(sex=PREVENT["sex"].map({"F": "Female", "M": "MALE"}))
    pd.testing.assert_frame_equal(prevent(words), prevent(PREVENT))


def test_a_number_for_sex_is_not_guessed_at():
    assert pooled_cohort(PCE.assign(sex=1))["reason"].eq("invalid:sex").all()


@every_score
def test_a_table_may_be_columns_of_any_kind_or_one_patient(name):
    function, vectors = SCORES[name]
    inputs, expected = vectors[_inputs(name)], function(vectors)
    lists = {column: inputs[column].tolist() for column in inputs}
    arrays = {column: inputs[column].to_numpy() for column in inputs}
    pd.testing.assert_frame_equal(function(lists), expected)
    pd.testing.assert_frame_equal(function(arrays | {"age": lists["age"]}), expected)
    odd = inputs.set_axis([f"row {7 * place % len(inputs)}" for place in range(len(inputs))])
    given = {column: odd[column] for column in odd}
    pd.testing.assert_frame_equal(function(given), expected.set_axis(odd.index))
    one_patient = inputs.iloc[1].to_dict()
    pd.testing.assert_frame_equal(function(one_patient), expected.iloc[[1]].reset_index(drop=True))
    same_age = function(lists | {"age": 60})
    pd.testing.assert_frame_equal(same_age, function(inputs.assign(age=60)))


def test_columns_that_do_not_belong_together_are_refused():
    columns = {column: PCE[column].tolist() for column in _inputs("pce")}
    with pytest.raises(UserError, match="the same rows"):
        pooled_cohort(columns | {"age": [50, 60]})
    series = {column: PCE[column] for column in _inputs("pce")}
    with pytest.raises(UserError, match="the same rows"):
        pooled_cohort(series | {"age": PCE["age"][::-1]})


def test_missing_values_of_every_kind_are_missing():
    ages = pd.Series([None, np.nan, pd.NA, "", " ", "NA", "n/a", "NULL", float("nan")], dtype=object)
    rows = pd.concat([PCE[:1]] * len(ages), ignore_index=True).assign(age=ages)
    assert pooled_cohort(rows)["reason"].eq("missing:age").all()


def test_an_unknown_policy_is_refused():
    with pytest.raises(UserError, match="strict, clamp, extrapolate"):
        pooled_cohort(PCE, "lenient")


@pytest.mark.parametrize(("column", "cap"), [("sbp", 160), ("lymph", 47), ("ua", 3.4), ("hgb", 16), ("na", 138)])
def test_seattle_does_not_jump_at_its_caps(column, cap):
    below, at, above = (
        seattle(one(SHFM, **{column: value}))["score"][0] for value in (cap * (1 - 1e-7), cap, cap * (1 + 1e-7))
    )
    assert below == pytest.approx(at, abs=1e-5)
    assert above == pytest.approx(at, abs=1e-5)


@pytest.mark.parametrize(("column", "inside", "beyond"), [("sbp", 160, 200), ("lymph", 47, 60), ("ua", 3.4, 2.0)])
def test_seattle_is_flat_beyond_its_caps(column, inside, beyond):
    assert seattle(one(SHFM, **{column: inside}))["score"][0] == seattle(one(SHFM, **{column: beyond}))["score"][0]


def test_a_crt_pacemaker_needs_a_hazard_ratio_of_ones_own():
    pacemaker = one(SHFM, dev="crt_p")
    scored = seattle(pacemaker)
    assert math.isnan(scored["score"][0])
    assert scored["reason"][0] == "unsupported:dev"
    none = seattle(one(SHFM, dev="none"))["score"][0]
    assert seattle(pacemaker, crt_p_hazard_ratio=0.64)["score"][0] == pytest.approx(none + math.log(0.64))


def test_an_ace_inhibitor_with_an_arb_counts_once():
    both, alone = (seattle(one(SHFM, acei=1, arb=arb))["score"][0] for arb in (1, 0))
    assert both == alone


def test_crt_with_a_defibrillator_replaces_it():
    none, icd, crtd = (seattle(one(SHFM, dev=device))["score"][0] for device in ("none", "icd", "crtd"))
    assert icd - none == pytest.approx(math.log(0.73))
    assert crtd - none == pytest.approx(math.log(0.79))


def test_allopurinol_raises_the_score():
    without, given = (seattle(one(SHFM, allo=value))["score"][0] for value in (0, 1))
    assert given - without == pytest.approx(math.log(1.571))


@pytest.mark.parametrize(
    ("score", "one_year", "five_years"),
    [(0, 0.9603, 0.8167), (1, 0.8958, 0.5767), (2, 0.7414, 0.2240), (3, 0.4433, 0.0171), (4, 0.1096, 0.0000)],
)
def test_seattle_survival_at_whole_scores(score, one_year, five_years):
    """A low-risk patient whose sodium is lowered until the score is whole: that term is linear below 138."""
    healthy = SHFM[5:6].assign(na=138)
    sodium = 138 - (score - seattle(healthy)["score"].iloc[0]) / math.log(1.05)
    scored = seattle(healthy.assign(na=sodium), "extrapolate").iloc[0]
    assert scored["score"] == pytest.approx(score)
    assert (scored["s1"], scored["s5"]) == pytest.approx((one_year, five_years), abs=5e-5)


def test_missing_uric_acid_takes_the_median_only_when_asked():
    rows = SHFM.astype({"ua": float}).copy()
    rows.loc[0, "ua"] = np.nan
    assert seattle(rows)["reason"][0] == "missing:ua"
    filled = seattle(rows, impute="median")
    assert filled["reason"][0] == "imputed:ua"
    median = rows["ua"].median()
    assert filled["score"][0] == pytest.approx(seattle(SHFM.assign(ua=median))["score"][0])
    assert filled["reason"][1:].isna().all()


def test_furosemide_equivalents_of_the_models_own_table():
    for dose in (
        {"furosemide": 80},
        {"torsemide": 40},
        {"bumetanide": 3},
        {"metolazone": 2},
        {"hydrochlorothiazide": 25},
    ):
        assert furosemide_equivalent(dose) == pytest.approx(80)
    with pytest.raises(UserError, match="spironolactone"):
        furosemide_equivalent({"spironolactone": 25})


@pytest.mark.parametrize(
    ("column", "below", "at"),
    [("ef", 24.9, 25), ("age", 59.9, 60), ("sbp", 119.9, 120), ("bmi", 24.9, 25), ("creat_umol", 109.9, 110)],
)
def test_maggic_bands_are_of_whole_numbers(column, below, at):
    patient = {"ef": 28, "age": 57, "sbp": 115, "bmi": 22, "creat_umol": 100}
    floored, real, next_band = (
        maggic(one(MAGGIC, **{**patient, column: v}))["score"][0] for v in (math.floor(below), below, at)
    )
    assert real == floored
    assert real != next_band


@pytest.mark.parametrize(("column", "wrong_unit"), [("ef", 0.35), ("creat_umol", 1.2)])
def test_maggic_refuses_a_wrong_unit(column, wrong_unit):
    assert maggic(one(MAGGIC, **{column: wrong_unit}))["reason"][0] == f"out_of_range:{column}"


def test_risk_rises_with_age_pressure_and_smoking():
    for column, values in (("age", range(30, 80)), ("sbp", range(110, 181)), ("smoker", (0, 1))):
        rows = pd.concat([one(PREVENT, **{column: value}) for value in values])
        assert (np.diff(prevent(rows)["cvd10"]) > 0).all(), column


@every_score
def test_a_file_is_scored_as_its_table_is(name, tmp_path):
    function, vectors = SCORES[name]
    expected = function(vectors)
    source = tmp_path / "in.csv"
    vectors.assign(note="free, text").to_csv(source, index=False)
    scored = score_file(name, source)
    pd.testing.assert_frame_equal(scored[list(expected.columns)], expected)
    assert scored["note"].eq("free, text").all()
    assert not scored.columns.duplicated().any()


@every_score
def test_a_file_s_columns_are_found_in_any_order_and_case(name, tmp_path):
    function, vectors = SCORES[name]
    inputs = vectors[_inputs(name)[::-1]].rename(columns=str.upper)
    source = tmp_path / "in.csv"
    source.write_bytes(b"\xef\xbb\xbf" + inputs.to_csv(index=False).encode())
    scored = score_file(name, source)
    expected = function(vectors)
    pd.testing.assert_frame_equal(scored[list(expected.columns)], expected)
    assert list(scored.columns) == [*inputs.columns, *expected.columns]


@pytest.mark.parametrize("header", ["sex,age,age", "sex,age,AGE"])
def test_a_column_that_is_there_twice_is_refused(header, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(f"{header},race,tc,hdl,sbp,bp_treated,smoker,diabetes\nF,55,66,white,213,50,120,0,0,0\n")
    with pytest.raises(UserError, match="two columns named age"):
        score_file("pce", source)


def test_a_file_without_a_row_has_its_header_and_the_outputs(tmp_path):
    source = tmp_path / "in.csv"
    PCE[:0][_inputs("pce")].to_csv(source, index=False)
    scored = score_file("pce", source)
    assert (len(scored), list(scored.columns)) == (0, [*_inputs("pce"), "risk", "reason"])


@every_score
def test_what_is_printed_can_be_read_back_to_the_last_digit(name, tmp_path):
    function, vectors = SCORES[name]
    source = tmp_path / "in.csv"
    vectors.to_csv(source, index=False)
    (tmp_path / "out.csv").write_text(score_file(name, source).to_csv(index=False))
    read, expected = pd.read_csv(tmp_path / "out.csv"), function(vectors)
    for output in expected.drop(columns="reason"):
        assert read[output].to_numpy() == pytest.approx(expected[output].to_numpy(), rel=1e-15, nan_ok=True)


def test_a_gap_in_a_file_is_missing_and_the_device_none_is_not(tmp_path):
    source = tmp_path / "in.csv"
    SHFM.astype({"ua": object}).assign(ua=lambda table: table["ua"].where(table.index != 0, None)).to_csv(source)
    scored = score_file("shfm", source)
    assert scored["reason"][0] == "missing:ua"
    assert scored["score"][1:].notna().all()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no file"),
        (b"", "empty"),
        (b"a,b\n1\n1,2,3\n", "not a CSV"),
        (b"a,b\n1,2,3\n4,5,6\n", "not a CSV"),
        (b"\xff\xfe\x00a", "not a CSV"),
        (b"x\n1\n", "lacks sex"),
    ],
)
def test_a_bad_file_is_one_clear_line(content, word, tmp_path):
    source = tmp_path / "in.csv"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(UserError, match=word):
        score_file("pce", source)


def _inputs(name: str) -> list[str]:
    columns = {
        "pce": "sex race age tc hdl sbp bp_treated smoker diabetes",
        "prevent": "sex age tc hdl sbp bp_treated smoker diabetes egfr bmi statin",
        "shfm": "age male nyha ef isch sbp wt furo na chol hgb lymph ua allo statin acei bb arb mra dev",
        "maggic": "ef age sbp bmi creat_umol nyha male smoker diabetes copd first_dx_lt18m no_bb no_acei_arb",
    }
    return columns[name].split()

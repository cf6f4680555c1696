"""Scores of models that were made elsewhere are judged as echomort's own are, and never called what they may not be."""

import json
import math
from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.accounts import external_warnings
from assets.serving.champion import without_external
from echomort.core.errors import UserError
from echomort.core.keys import load_keyring
from echomort.evaluation import evaluate
from echomort.evaluation.external_scores import SET_ASIDE, ScoreRows, check_external, read_external, sort_scores
from echomort.evaluation.sets_apart import served_scores
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.sections.external_scores import external_section
from echomort.settings import Evaluation, validate

SETTINGS = Evaluation(bootstrap=100)
KNOWN = {f"key of {number}": number % 5 for number in range(6)}
"""Studies of a project -> their fold."""


def sorted_rows(study, value, fold=None, is_risk=False):
    rows = ScoreRows(study, pd.Series(value, dtype=object), fold, True, is_risk)
    return sort_scores(rows, lambda text: f"key of {text}", KNOWN.keys(), KNOWN.get)


def frame_of(people: int = 200) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    label = (draw.random(people) < 0.3).astype(int)
    study = [f"s{number}" for number in range(people)]
    columns = {"study_key": study, "patient_key": study, "fold": np.arange(people) % 5, "label": label}
    return pd.DataFrame(columns).assign(days=np.where(label == 1, 100, 900), event=label == 1)


def figures(scores: dict[str, pd.Series], frame: pd.DataFrame) -> Callable[..., float]:
    table = pd.concat([frame[["study_key"]].assign(model=name, logit=values) for name, values in scores.items()])
    metrics = evaluate(frame, table.dropna(), settings=SETTINGS)
    by_name = metrics.set_index(["evaluation", "model", "subset", "metric"])[["value", "n"]]

    def figure(model: str, metric: str, evaluation: str = "out_of_fold", column: str = "value") -> float:
        return by_name.loc[(evaluation, model, "all", metric), column]

    return figure


def test_each_row_that_can_not_be_used_has_its_reason_and_a_repeated_study_is_not_guessed():
    study = [None, "elsewhere", "0", "1", "2", "3", "4", "4", "5"]
    found = sorted_rows(study, ["1", "1", None, "-", "1e9", "0.5", "1", "2", "-2"])
    expected = {"no_study": 1, "unknown_study": 1, "no_score": 1, "not_finite": 1, "out_of_range": 1}
    assert found.counts == expected | {"repeated_study": 2, "used": 2}
    assert dict(found.scores.to_numpy()) == {"key of 3": 0.5, "key of 5": -2.0}


def test_a_risk_becomes_its_log_odds_and_one_outside_0_to_1_is_set_aside():
    found = sorted_rows(["0", "1", "2", "3"], [0.5, 0.8, 1.2, float("inf")], is_risk=True)
    assert found.scores["logit"].tolist() == pytest.approx([0, math.log(4)])
    assert (found.counts["out_of_range"], found.counts["not_finite"]) == (1, 1)


@pytest.mark.parametrize(
    ("fold", "agree", "other"),
    [(["0", "1", "2"], 3, 0), (["0.0", "1.0", "2.0"], 3, 0), (["0", "2", None], 1, 2), (None, None, None)],
)
def test_scores_are_out_of_fold_only_where_the_file_names_the_folds_of_the_project(fold, agree, other):
    counts = sorted_rows(["0", "1", "2"], [0, 1, 2], fold).counts
    assert (counts.get("out_of_fold"), counts.get("in_other_fold")) == (agree, other)


CELLS = st.lists(
    st.tuples(
        st.none() | st.sampled_from([*"0123456", "x"]),
        st.none() | st.floats() | st.text(max_size=4) | st.floats(0, 1),
    ),
    max_size=30,
)


@given(CELLS, st.booleans())
def test_every_row_is_used_or_set_aside_for_one_reason_and_a_used_one_is_sound(cells, is_risk):
    found = sorted_rows([study for study, _ in cells], [value for _, value in cells], is_risk=is_risk)
    assert sum(found.counts.values()) == len(cells)
    assert found.counts["used"] == len(found.scores)
    assert found.scores["study_key"].is_unique and set(found.scores["study_key"]) <= set(KNOWN)
    assert np.isfinite(found.scores["logit"].to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "study_id,score\n1,2\n", "no column logit or risk: write one of the two"),
        ("a.csv", "study_id,study_key,logit\n1,2,3\n", "columns study_id and study_key: write one of the two"),
        ("a.csv", "study_id;logit\n1;3\n", "columns are separated by semicolons"),
        ("a.csv", "study_id,logit\n", "has no row"),
        ("a.parquet", "study_id,logit\n1,3\n", "can't be read: write it as a Parquet file anew"),
        ("gone.csv", None, "can't be read"),
    ],
)
def test_a_file_that_is_no_table_of_scores_is_refused_in_one_line(tmp_path, name, text, problem):
    if text:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=problem) as refused:
        check_external([tmp_path / name])
    assert name in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (["a/x.csv", "b/x.parquet"], "two files have one name"),
        (["3 of us.csv"], "letters, digits"),
        (["x.feather"], "then .csv or .parquet"),
    ],
)
def test_a_name_that_can_not_be_a_model_s_is_refused(files, problem):
    with pytest.raises(UserError, match=problem):
        validate({"sources": {"dicom": "/", "external_scores": files}})


def test_numbers_that_became_floats_and_scores_of_any_number_type_are_read(tmp_path):
    table = pd.DataFrame({"study_id": [7.0, None], "risk": np.array([0.25, 0.5], dtype=np.float32), "fold": [1.0, 2.0]})
    table.to_parquet(tmp_path / "a.parquet")
    rows = read_external(tmp_path / "a.parquet")
    assert rows.study[1] is None and float(rows.study[0]) == 7
    assert rows.value.tolist() == [0.25, 0.5] and rows.is_risk and rows.by_number
    assert [float(fold) for fold in rows.fold] == [1, 2]


def test_the_same_scores_get_the_same_figures_and_a_constant_gets_chance():
    frame = frame_of()
    score = frame["label"] + pd.Series(np.random.default_rng(0).normal(size=len(frame)))
    found = figures({"video_ehr": score, "external:same": score, "external:flat": 0 * score - 1}, frame)
    for metric in ("auc", "auc_within_folds", "average_precision", "calibration_slope", "brier"):
        assert found("external:same", metric) == found("video_ehr", metric), metric
    slope = found("external:same", "calibration_slope", "recalibrated")
    assert slope == found("video_ehr", "calibration_slope", "recalibrated")
    assert found("external:flat", "auc") == 0.5
    assert found("video_ehr vs external:same", "auc_difference", "comparison") == 0


def test_half_the_studies_are_compared_on_those_that_both_scored():
    frame = frame_of()
    score = frame["label"] + pd.Series(np.random.default_rng(0).normal(size=len(frame)))
    half = score.where(np.arange(len(score)) % 2 == 0)
    found = figures({"video_ehr": score, "external:half": half}, frame)
    assert found("external:half", "coverage") == 0.5
    assert found("video_ehr vs external:half", "auc_difference", "comparison", "n") == len(frame) / 2
    assert found("video_ehr vs external:half", "auc_difference", "comparison") == 0


def test_without_video_the_records_model_is_compared_with_external_models():
    frame = frame_of()
    draw = np.random.default_rng(0)
    known, other = (frame["label"] + pd.Series(draw.normal(size=len(frame))) for _ in range(2))
    found = figures({"ehr": known, "external:x": other}, frame)
    gap = found("ehr", "auc") - found("external:x", "auc")
    assert found("ehr vs external:x", "auc_difference", "comparison") == pytest.approx(gap)
    assert 0 < found("ehr vs external:x", "delong_p_holm", "comparison") <= 1


def test_few_deaths_among_the_studies_of_a_file_are_not_printed():
    frame = frame_of()
    few = pd.Series(1.0, index=frame.index).where(frame["label"].cumsum().le(3))
    found = figures({"external:few": few}, frame)
    assert math.isnan(found("external:few", "auc"))


def test_a_score_stays_as_it_is_in_a_set_apart():
    seen = frame_of()
    scores = pd.DataFrame({"study_key": ["a", "b"], "model": "external:x", "logit": [1.0, 2.0]})
    known = seen[["study_key"]].assign(model="external:x", logit=seen["label"] * 5.0)
    assert served_scores(scores, seen, known)["logit"].tolist() == [1.0, 2.0]


def section_of(counts: dict[str, int]) -> str:
    rows = [("external:x", name, counts.get(name, 0)) for name in (*SET_ASIDE, "used")]
    rows += [("external:x", name, counts[name]) for name in ("out_of_fold", "in_other_fold") if name in counts]
    external = pd.DataFrame(rows, columns=["model", "outcome", "rows"])
    data = ReportData("t", "s", True, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), [], {}, external=external)
    (section,) = external_section(data, Numbers(pd.DataFrame()))
    return " ".join(section.blocks[0].texts)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "nothing says that its scores were made out of fold"),
        ({"out_of_fold": 9, "in_other_fold": 0}, "by its own word, the file's scores of all 9 studies"),
        ({"out_of_fold": 9, "in_other_fold": 1}, "for 1 of 10 studies"),
    ],
)
def test_the_report_calls_scores_out_of_fold_only_by_the_word_of_the_file(counts, said):
    text = section_of(counts)
    assert said in text and "can't know whether the models behind these scores learned from the same patients" in text
    assert "held out" not in text


def test_a_project_judges_files_beside_its_models_and_keeps_no_number_of_theirs(project, tmp_path):
    rows = project.query(
        "SELECT study_key, logit, fold FROM score JOIN cohort USING (study_key, fold) WHERE model = 'ehr' ORDER BY ALL"
    )
    keyring = load_keyring(None, synthetic=True)
    own = pd.DataFrame(rows, columns=["study_key", "logit", "fold"])
    numbers = {keyring.pseudonym("study", text): text for text in study_numbers(project)}
    named = own.assign(study_id=own["study_key"].map(numbers)).drop(columns="study_key")
    assert named["study_id"].notna().all()
    named.to_csv(tmp_path / "same.csv", index=False)
    strange = pd.DataFrame({"study_key": ["SECRET-NUMBER-9", *own["study_key"][::2]], "risk": 0.25})
    strange.to_parquet(tmp_path / "half.parquet")
    files = json.dumps([str(tmp_path / "same.csv"), str(tmp_path / "half.parquet")])
    refused = project.here("run", "--set", "sources.external_scores=[gone.csv]")
    assert (
        refused.status == 2 and "the external scores gone.csv (sources.external_scores) can't be read" in refused.stderr
    )
    assert "gone" not in project.here("config", "show").stdout, "a file that can't be read is not remembered"
    before = project.ledger()

    candidates = candidates_of(project)

    select = "external_scores,evaluation,report,champion"
    said = project.rerun("--set", f"sources.external_scores={files}", "--select", select)

    outcome = dict(project.query("SELECT outcome, rows FROM external_score_count WHERE model = 'external:half'"))
    assert (outcome["unknown_study"], outcome["used"]) == (1, len(own.iloc[::2]))
    assert (
        f"external:half: {outcome['used']} of {outcome['used'] + 1} rows; left out: unknown_study 1; name each" in said
    )
    auc = dict(project.query("SELECT model, value FROM metric WHERE metric = 'auc' AND subset = 'all'"))
    assert auc["external:same"] == auc["ehr"] and auc["external:half"] in (0.5, None)
    assert project.query("SELECT count(*) FROM score WHERE model LIKE 'external%'") == [(0,)]
    page = (project.root / "report/report.html").read_text()
    assert "External: same" in page and "out of this project" in page and "perhaps by a model that learned" in page
    changed = {name for name, _ in dict(before.items() ^ project.ledger().items()) if not name.startswith("check:")}
    assert changed == {*select.split(",")}
    assert candidates_of(project) == candidates, "no candidate is made from them"
    everything = b"".join(file.read_bytes() for file in (project.root / "report").rglob("*") if file.is_file())
    for text in (said, everything.decode(errors="ignore")):
        assert "SECRET-NUMBER-9" not in text
        assert named["study_id"].iloc[0] not in text
    assert str(tmp_path).encode() not in everything
    traced = project.here("trace", "external:same")
    assert traced.status == 0 and "external_scores" in traced.stdout


def test_a_file_that_is_too_good_to_be_true_keeps_no_champion_from_promotion():
    rows = pd.DataFrame({"model": ["external:leak", "ehr", "external:x"], "auc": [1.0, 0.7, 0.6]})
    assert without_external(rows)["model"].tolist() == ["ehr"]
    assert without_external(rows.iloc[:0]).empty


def candidates_of(project) -> list[str]:
    """The candidates of a project."""
    return sorted(path.name for path in (project.root / "registry/candidates").iterdir())


def study_numbers(project) -> list[str]:
    """The numbers of studies in the embedded extract."""
    return pd.read_parquet(project.root / "archive/truth/study.parquet")["study_id"].astype(str).tolist()


def test_a_file_whose_studies_are_unknown_is_a_warning():
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE external_score_count (model VARCHAR, outcome VARCHAR, rows BIGINT)")
        rows = [("external:a", "unknown_study", 49), ("external:b", "used", 9), ("external:b", "out_of_fold", 8)]
        connection.executemany("INSERT INTO external_score_count VALUES (?, ?, ?)", rows)
        ((asset, words),) = external_warnings(connection)
    assert asset == "external_scores"
    assert words.startswith("external:a: 0 of 49 rows; left out: unknown_study 49; name each study once")

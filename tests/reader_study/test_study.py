"""A reader study's cases, bundles and answers, on a small made-up project."""

import io
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from echomort.clips.store import artifact_of, write_study
from echomort.core.errors import UserError
from echomort.ehr.variable_sets import TEN
from echomort.evaluation.thresholds import choose_threshold
from echomort.reader_study.answers import AIDED, UNAIDED
from echomort.reader_study.bundle import order, write_bundle
from echomort.reader_study.cases import CaseRequest, FinishedProject, Study, draw, freeze, shown_variables
from echomort.reader_study.section import reader_section
from echomort.reader_study.sheets import contact_sheet
from echomort.reader_study.summary import read_answers, read_summary, summarise, write_summary
from echomort.settings import Evaluation

ASKED = CaseRequest("parasternal_long", None, 2, 1)
QUICK = Evaluation(bootstrap=100)


def candidates(dead: int = 5, alive: int = 9) -> pd.DataFrame:
    random, number = np.random.default_rng(4), dead + alive
    keys = [f"{value:032x}" for value in range(1, number + 1)]
    known = {
        "study_key": keys,
        "patient_key": [key[::-1] for key in keys],
        "fold": -1,
        "died": np.arange(number) < dead,
        "logit": random.normal(size=number),
        "artifact": [artifact_of(key[::-1], key) for key in keys],
        "clip_keys": [[f"{key}a", f"{key}b"] for key in keys],
        "clip_views": [["parasternal_long", "apical_4"] for _ in keys],
    }
    return pd.DataFrame(
        known
        | {name: random.uniform(1, 80, number) for name in TEN[:-1]}
        | {"diastolic_function": random.integers(-1, 4, number)}
    )


def scores() -> pd.DataFrame:
    random = np.random.default_rng(5)
    label = np.arange(60) % 3 == 0
    columns = {"model": "all_views", "label": label.astype(int), "held_out": False}
    return pd.DataFrame(columns | {"logit": random.normal(label * 1.5, 1)})


def loop(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 255, (6, 27, 37), dtype=np.uint8)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Study:
    home, rows = tmp_path_factory.mktemp("home"), candidates()
    for number, row in enumerate(rows.to_dict("records")):
        write_study(
            home / row["artifact"],
            {key: loop(number) for key in row["clip_keys"]},
            [{"clip_key": key} for key in row["clip_keys"]],
        )
    return freeze(FinishedProject(home, rows, scores(), 15.0, True), ASKED)


@pytest.fixture
def study(frozen: Study, tmp_path: Path) -> Study:
    """A copy that a test may spoil."""
    shutil.copytree(frozen.root.parent, tmp_path / "home")
    return Study.load(tmp_path / "home")


@pytest.mark.parametrize(
    ("there", "wanted", "dealt"),
    [((5, 9), None, (5, 5)), ((5, 9), 4, (2, 2)), ((5, 9), 7, (3, 4)), ((5, 9), 13, (5, 8)), ((9, 2), 8, (6, 2))],
)
def test_cases_balance_as_far_as_there_are_patients(there, wanted, dealt):
    chosen = draw(candidates(*there), CaseRequest("parasternal_long", wanted, 2, 1))
    assert (int(chosen["died"].sum()), int((~chosen["died"]).sum())) == dealt
    assert not chosen["patient_key"].duplicated().any()


def test_a_draw_is_its_seed_s_and_not_that_of_the_order_of_rows():
    pool = candidates(20, 20)
    one, same, other = (
        draw(rows, CaseRequest("a", 10, 2, seed)) for rows, seed in ((pool, 1), (pool[::-1], 1), (pool, 2))
    )
    assert one["study_key"].tolist() == same["study_key"].tolist() != other["study_key"].tolist()


def test_a_draw_that_cannot_be_is_refused():
    with pytest.raises(UserError, match="14 cases can be shown, 15 were asked for: ask for fewer"):
        draw(candidates(), CaseRequest("parasternal_long", 15, 2, 1))
    with pytest.raises(UserError, match=r"0 dead and 9 surviving patients .* parasternal_long: name another view"):
        draw(candidates(0, 9), ASKED)


def test_variables_have_units_gaps_and_no_age_that_names_somebody():
    said = dict(shown_variables({"age": 93.2, "lvef": 54.6, "tr_vmax": np.nan, "heart_rate": 71.0, "sbp": 120.4}))
    assert len(said) == len(TEN) == 10
    assert said["Age at study"] == "90 years or older"
    assert said["LV ejection fraction (reported)"] == "55 %" and said["Heart rate"] == "71 a minute"
    assert said["Systolic blood pressure"] == "120 mmHg"
    assert said["Tricuspid regurgitation peak velocity"] == said["LDL cholesterol"] == "not recorded"
    assert dict(shown_variables({"age": 89.99}))["Age at study"] == "89 years"


def test_the_ten_are_shown_in_their_rank_and_a_code_in_words():
    row = {"pa_acc_time": 0.117, "pa_acc_slope": 905.2, "tr_vmax": 271, "diastolic_function": 0.0}
    shown = shown_variables(row)
    assert [name for name, _ in shown][:2] == ["Age at study", "Tricuspid regurgitation peak velocity"]
    said = dict(shown)
    assert said["Pulmonary artery acceleration time"] == "0.12 s"
    assert said["Pulmonary artery acceleration slope"] == "905 cm/s²"
    assert said["Tricuspid regurgitation peak velocity"] == "271 cm/s"
    assert said["Diastolic function"] == "dysfunction, not graded"
    words = [dict(shown_variables({"diastolic_function": code}))["Diastolic function"] for code in (-1, 1, 3)]
    assert words == ["normal", "grade 1", "grade 3"]


def test_every_reader_sees_all_cases_in_an_order_of_their_own():
    ids = [f"C{number}" for number in range(30)]
    seen = {(reader, how): order(ids, 1, reader, how) for reader in ("R1", "R2") for how in (UNAIDED, AIDED)}
    assert all(sorted(one) == sorted(ids) for one in seen.values())
    assert len({tuple(one) for one in [*seen.values(), order(ids, 2, "R1", UNAIDED)]}) == 5
    assert order(ids, 1, "R1", UNAIDED) == seen["R1", UNAIDED]


def page(folder: Path, reader: str) -> dict:
    text = (folder / f"{reader}.html").read_text()
    return json.loads(re.search(r'id="page">(.*?)</script>', text, re.DOTALL)[1])


def test_the_model_speaks_in_the_aided_arm_alone_and_the_truth_in_none(frozen: Study, tmp_path: Path):
    for condition in (UNAIDED, AIDED):
        assert write_bundle(frozen, tmp_path / condition, condition) == ["R1", "R2"]
    plain, aided = (page(tmp_path / condition, "R2") for condition in (UNAIDED, AIDED))
    assert {frozenset(case) for case in plain["cases"]} == {frozenset({"case_id", "loops", "variables"})}
    said = frozen.cases.set_index("case_id")
    for case in aided["cases"]:
        model = said.loc[case["case_id"]]
        assert case["model"].startswith(
            f"The model: {model['answer']} (risk of death within a year {100 * model['risk']:.0f}"
        )
    manifest = json.loads((tmp_path / UNAIDED / "manifest.json").read_text())
    assert manifest["frozen_sha256"] == plain["frozen_sha256"] == frozen.sha256 and manifest["cases"] == 10
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for word in ("died", "balance", "logit", 'risk"', "study_key", "patient_key"):
        assert word.encode() not in everything
    assert frozen.frozen["balance"] == {"dead": 5, "alive": 5}


def test_no_pseudonym_is_in_a_bundle_and_no_id_is_drawn_twice_alike(study: Study, tmp_path: Path):
    write_bundle(study, tmp_path / "bundle", AIDED)
    written = b"".join(
        path.read_bytes() + path.name.encode() for path in (tmp_path / "bundle").rglob("*") if path.is_file()
    )
    for row in candidates().to_dict("records"):
        assert not any(key.encode() in written for key in (row["study_key"], row["patient_key"], *row["clip_keys"]))
    again = freeze(FinishedProject(study.root.parent, candidates(), scores(), 15.0, True), ASKED)
    assert not set(again.cases["case_id"]) & set(study.cases["case_id"]), "the key of ids is thrown away"
    assert set(again.cases["study_key"]) == set(study.cases["study_key"])


def test_a_case_is_every_view_as_frames_that_a_page_can_step_through(study: Study, tmp_path: Path):
    write_bundle(study, tmp_path / "bundle", UNAIDED)
    known = page(tmp_path / "bundle", "R1")
    assert known["fps"] == 15 and study.views == ["parasternal_long", "apical_4"]
    for case in known["cases"]:
        assert [loop["view"] for loop in case["loops"]] == ["Parasternal long axis", "Apical four-chamber"]
        with Image.open(tmp_path / "bundle" / "loops" / case["loops"][0]["file"]) as image:
            image.load()
            size = case["loops"][0]
            assert image.format == "WEBP" and image.size == (3 * size["width"], 2 * size["height"])
            assert size["frames"] == 6 and size["columns"] == 3
            assert not image.getexif() and "xmp" not in image.info


def test_a_sheet_holds_the_frames_in_reading_order_without_the_padding():
    frames = np.stack([np.full((30, 40), 40 * number, np.uint8) for number in (1, 2, 3, 4, 5, 0, 0)])
    sheet = contact_sheet(frames)
    with Image.open(io.BytesIO(sheet.content)) as image:
        grey = np.asarray(image.convert("L"), dtype=int)
    assert (sheet.frames, sheet.columns) == (5, 3)
    for number in range(5):
        x, y = (number % 3 + 0.5) * sheet.width, (number // 3 + 0.5) * sheet.height
        assert grey[int(y), int(x)] == pytest.approx(40 * (number + 1), abs=3)
    large = contact_sheet(np.ones((400, 50, 1000), np.uint8))
    assert large.columns * large.width <= 16383, "no image of this format is wider"


def test_a_study_frozen_with_animations_still_has_a_second_arm(study: Study, tmp_path: Path):
    shown = {name: value for name, value in study.shown.items() if name not in ("fps", "views")}
    shown["cases"] = [{name: case[name] for name in ("case_id", "loops", "variables")} for case in shown["cases"]]
    write_bundle(Study(study.root, shown, study.frozen), tmp_path / "aided", AIDED)
    known = page(tmp_path / "aided", "R1")
    assert known["fps"] is None and all(loop["frames"] is None for case in known["cases"] for loop in case["loops"])


def test_a_folder_that_holds_something_is_left_alone(study: Study, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="mine exists already: name a new folder"):
        write_bundle(study, tmp_path / "mine", UNAIDED)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def answers(study: Study, folder: Path, readers=("R1", "R2"), right=lambda reader, how: True) -> Path:
    """Write what readers sent back, one file a reader and condition; a reader is right throughout, or wrong."""
    folder.mkdir(exist_ok=True)
    for reader in readers:
        for how in (UNAIDED, AIDED):
            said = study.cases["died"] == right(reader, how)
            known = {"reader_id": reader, "case_id": study.cases["case_id"], "condition": how, "confidence": 70}
            table = pd.DataFrame(known | {"answer": np.where(said, "dead", "alive"), "frozen_sha256": study.sha256})
            table.to_csv(folder / f"{reader}_{how}.csv", index=False)
    return folder


def test_a_study_is_summed_up_from_what_readers_sent_back(study: Study, tmp_path: Path):
    back = answers(study, tmp_path / "back", right=lambda reader, how: how == AIDED or reader == "R1")
    summary = summarise(study, read_answers([back], study), QUICK)
    rows = {(row["model"], row["subset"], row["metric"]): row for row in summary["metrics"]}
    assert rows["R2", "aided vs unaided", "sensitivity_change"]["value"] == 1
    assert rows["R1", "aided vs unaided", "sensitivity_change"]["value"] == 0
    assert rows["readers", "aided vs unaided", "sensitivity_change"]["value"] == 0.5
    assert summary["asked"] == asdict(ASKED) and summary["model"] == "all_views"
    assert read_summary(study.root.parent) is None
    write_summary(study, summary)
    assert read_summary(study.root.parent) == json.loads(json.dumps(summary))
    words = (study.root / "summary.md").read_text()
    assert (
        "2 readers read 10 cases, 5 of whom died within a year" in words
        and "| R2 | +100 (p = 0.062)" in words.replace("\N{NARROW NO-BREAK SPACE}", " ")
    )


def test_files_from_a_spreadsheet_are_read(study: Study, tmp_path: Path):
    back = answers(study, tmp_path / "back")
    wanted = read_answers([back], study)
    for file in back.glob("*.csv"):
        file.write_text(file.read_text().replace(",", ";"), encoding="utf-8-sig")
    pd.testing.assert_frame_equal(read_answers(sorted(back.glob("*.csv")), study), wanted)


def test_answers_to_a_model_that_changed_since_are_refused(study: Study, tmp_path: Path):
    back = answers(study, tmp_path / "back")
    write_bundle(study, tmp_path / "bundle", UNAIDED)
    file = study.root / "frozen.json"
    content = file.read_text()
    file.write_text(content.replace('"answer": "dead"', '"answer": "alive"', 1))
    with pytest.raises(
        UserError, match=r"not those that were frozen before reading \(frozen.json: SHA-256 differs\): res"
    ):
        Study.load(study.root.parent)
    file.write_text(content)
    other = freeze(FinishedProject(study.root.parent, candidates(), scores(), 15.0, True), ASKED)
    for place, name in ((back, "R1_aided.csv"), (tmp_path / "bundle", "bundle/manifest.json")):
        with pytest.raises(UserError, match=rf"frozen before reading \({name}"):
            read_answers([place], other)


def test_what_cannot_be_read_is_named(study: Study, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="hold no answers"):
        read_answers([tmp_path / "empty"], study)
    for content in (b"", b"\xff\xfe\x00", b'a,b\n"1,2\n3', b"case,risk,case\n1,2,3\n"):
        (tmp_path / "odd.csv").write_bytes(content)
        with pytest.raises(UserError, match=r"odd\.csv"):
            read_answers([tmp_path / "odd.csv"], study)
    write_bundle(study, tmp_path / "bundle", UNAIDED)
    (tmp_path / "bundle" / "manifest.json").write_text("[]")
    with pytest.raises(UserError, match=r"bundle/manifest\.json is not as it was exported: name the answer files"):
        read_answers([tmp_path / "bundle"], study)
    with pytest.raises(UserError, match=r"no reader study is frozen in .*: run `echomort readers export DIR` first"):
        Study.load(tmp_path)


def test_the_section_is_there_with_a_study_and_says_no_more_than_was_read(study: Study, tmp_path: Path):
    back = answers(study, tmp_path / "back")
    assert reader_section(None) == []
    (whole,) = reader_section(summarise(study, read_answers([back], study), QUICK))
    (alone,) = reader_section(summarise(study, read_answers([back / "R2_unaided.csv"], study), QUICK))
    names = ["reader_answers", "reader_changes", "reader_pairs", "reader_agreement"]
    assert [table.name for table in whole.tables] == names
    assert [table.name for table in alone.tables] == ["reader_answers", "reader_pairs"]
    assert alone.lead == "1 reader read 10 cases, 5 of whom died within a year."
    labels = [row["With the model"] for row in whole.tables[1].text_rows()]
    assert labels == ["R1", "R2", "All readers", "These readers only", "All readers, bootstrap"]
    text = str([table.text_rows() for section in (whole, alone) for table in section.tables])
    assert "nan" not in text and "None" not in text


def test_the_sentence_above_the_study_is_of_the_readers_as_a_sample(study: Study, tmp_path: Path):
    back = answers(study, tmp_path / "back", right=lambda reader, how: how == AIDED or reader == "R1")
    summary = json.loads(json.dumps(summarise(study, read_answers([back], study), QUICK)))
    assert summary["views"] == ["parasternal_long", "apical_4"]
    assert "sensitivity changed by +50.0 (\N{MINUS SIGN}100.0 \N{EN DASH} 100.0)" in reader_section(summary)[0].lead
    older = summary | {"metrics": [row for row in summary["metrics"] if "_mrmc" not in row["metric"]]}
    del older["views"]
    (section,) = reader_section(older)
    assert "sensitivity changed by +50.0" in section.lead, "a summary of an earlier version is still shown"


def test_the_model_says_dead_from_the_threshold_of_other_patients(frozen: Study):
    own, cases = scores(), frozen.cases
    threshold = choose_threshold(own["label"], own["logit"])
    assert ((cases["logit"] >= threshold) == (cases["answer"] == "dead")).all()
    assert ((cases["risk"] >= frozen.frozen["threshold"]) == (cases["answer"] == "dead")).all()
    assert ((cases["risk"] >= 0.5) != (cases["answer"] == "dead")).any(), "else this test says nothing"

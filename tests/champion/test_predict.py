"""What the champion says of files at hand: loops, clips saved by ``inspect``, and what is neither."""

import json
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from champions import LOOP, SMALL, STILL, predict_paths, written_champion
from pacs_studies import write_loop
from projects import Home

from echomort.champion.model import Champion
from echomort.champion.predict import predict_studies, score_files
from echomort.champion.store import Facts, Parts, champion_name, write_candidate, write_pointer
from echomort.core.audit import LOG, read_log
from echomort.core.errors import UserError
from echomort.dicom import inspect_paths, read_clip
from echomort.dicom.header.age import age_at_study
from echomort.dicom.index import source_digest
from echomort.dicom.saved import SavedClip, Unusable, convert_pixels, load_clip
from echomort.models.platt import Platt
from echomort.models.view_classifier import ViewClassifier, appearance_of
from echomort.settings import ClipSettings, Imaging, Scoring, Settings
from orchestration.printing.files import inspected, predicted, predicted_studies

PUBLISHED = ClipSettings()
KEYS = [
    "path",
    "status",
    "reason",
    "frames",
    "fps",
    "view",
    "view_source",
    "logit",
    "risk",
    "model",
    "synthetic",
    "note",
    "beyond",
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return written_champion(tmp_path_factory.mktemp("registry"), folds=1)


@pytest.fixture(scope="module")
def of_two_folds(tmp_path_factory):
    return written_champion(tmp_path_factory.mktemp("of_two_folds"), folds=2)


@pytest.fixture(scope="module")
def ranged(tmp_path_factory):
    """A champion of adults, and of loops as bright as :func:`a_loop` is."""
    bright = {"brightness": [60.0, 200.0]}
    ranges = {"variables": {"age": [18.0, 110.0]}, "loops": {"apical_4": bright, "parasternal_long": bright}}
    return written_champion(tmp_path_factory.mktemp("ranged"), folds=1, ranges=ranges)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The real loop's clip as ``inspect --save`` leaves it, with the published settings."""
    folder = tmp_path_factory.mktemp("saved")
    list(inspect_paths([LOOP], Settings(), folder))
    return folder / "00001.npy"


def test_a_loop_is_scored_and_a_still_is_a_row_with_its_reason(registry):
    loop, still = predict_paths([LOOP, STILL], registry)
    assert list(loop.as_record()) == list(still.as_record()) == KEYS
    assert loop.status == "accepted" and 0 < loop.risk < 1 and np.isfinite(loop.logit)
    assert (loop.frames, loop.fps, loop.view, loop.model) == (30, 30.0, "unknown", "all views")
    assert "mean over the models" in loop.note and loop.synthetic
    assert still.status == "rejected" and still.reason and still.risk is None


def test_a_view_given_by_hand_counts_where_the_file_has_none(registry):
    (record,) = predict_paths([LOOP], registry, "parasternal_long")
    assert (record.view, record.view_source, record.model) == ("parasternal_long", "given", "parasternal_long")
    assert record.note is None
    with pytest.raises(UserError, match="known groups"):
        list(predict_paths([LOOP], registry, "sideways"))


def test_a_champion_that_knows_views_names_the_loop_that_no_tag_names(registry, tmp_path):
    """A classifier that has learnt the real loop's appearance as apical, far from a black clip's."""
    own = appearance_of(read_clip(LOOP, SMALL).pixels)
    means = np.stack([own, np.zeros_like(own)])
    classifier = ViewClassifier(("apical_4", "parasternal_long"), means, np.eye(len(own)), 0.1, 0.5)
    views = ("apical_4", "parasternal_long")
    parts = Parts(
        {view: registry / view for view in views}, {view: Platt(1.0, -1.0) for view in views}, {}, None, classifier
    )
    write_pointer(tmp_path, name := write_candidate(tmp_path, parts, Facts(SMALL, True, {}, {})), ["a test"], name)
    (record,) = predict_paths([LOOP], tmp_path)
    assert (record.view, record.view_source, record.model) == ("apical_4", "classifier", "apical_4")
    (given,) = predict_paths([LOOP], tmp_path, "parasternal_long")
    assert (given.view, given.view_source) == ("parasternal_long", "given")


def test_a_saved_clip_scores_nearly_as_its_loop_and_says_that_it_was_converted(registry, saved):
    loop, clip = predict_paths([LOOP, saved], registry)
    assert clip.risk == pytest.approx(loop.risk, abs=0.02)
    assert "converted from 60x109x150" in clip.note
    assert (clip.frames, clip.fps) == (30, 30.0)


def test_a_clip_saved_with_the_champions_settings_scores_exactly_as_its_loop(registry, tmp_path):
    list(inspect_paths([LOOP], Settings(imaging=Imaging(clip=SMALL)), tmp_path))
    loop, clip = predict_paths([LOOP, tmp_path], registry)
    assert clip.logit == loop.logit and clip.note == loop.note


def test_an_array_without_its_card_is_taken_for_what_its_shape_says(registry, saved, tmp_path):
    (tmp_path / "bare.npy").write_bytes(saved.read_bytes())
    bare, carded = predict_paths([tmp_path / "bare.npy", saved], registry)
    assert bare.logit == carded.logit and bare.frames is None


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((60, 109, 150), np.float32), "not_a_clip"),
        (np.zeros((109, 150), np.uint8), "not_a_clip"),
        (np.zeros((0, 27, 37), np.uint8), "not_a_clip"),
        (np.array([{"a": 1}], object), "not_a_clip"),
        (np.zeros((10, 10, 10), np.uint8), "clip_shape"),
        (np.zeros(SMALL.shape, np.uint8), "still"),
        (np.full(SMALL.shape, 90, np.uint8), "still"),
        (np.random.default_rng(0).integers(0, 256, SMALL.shape, dtype=np.uint8), "no_sector"),
        (np.concatenate([np.full((9, 27, 37), 90, np.uint8), np.zeros((21, 27, 37), np.uint8)]), "still"),
    ],
)
def test_an_array_that_is_no_clip_is_a_row_with_its_reason(registry, tmp_path, array, reason):
    np.save(tmp_path / "array.npy", array)
    (record,) = predict_paths([tmp_path / "array.npy"], registry)
    assert (record.status, record.reason, record.risk) == ("rejected", reason, None)


def test_nothing_is_made_of_a_clip_that_shows_less_than_the_champion_wants():
    lit = np.full(SMALL.shape, 9, np.uint8)
    for less in ({"fps": 10.0}, {"height": 26}, {"width": 36}, {"frames": 29}):
        clip = SMALL.model_copy(update=less)
        with pytest.raises(Unusable, match="champion takes 30x27x37"):
            convert_pixels(SavedClip(lit[: clip.frames, : clip.height, : clip.width], clip), SMALL)
    ended_early = np.concatenate([lit[:20], np.zeros_like(lit[:9])])
    pixels, _ = convert_pixels(SavedClip(ended_early, SMALL.model_copy(update={"frames": 29})), SMALL)
    assert pixels.shape == SMALL.shape and pixels[:20].all() and not pixels[20:].any()


def test_a_clip_that_was_framed_otherwise_is_refused() -> None:
    """Its scale differs, which nothing brings back; releases that knew no framing framed by the declared region."""
    pixels = np.full(SMALL.shape, 9, np.uint8)
    assert convert_pixels(SavedClip(pixels, SMALL), SMALL)[1] is None
    with pytest.raises(Unusable):
        convert_pixels(SavedClip(pixels, SMALL.model_copy(update={"framing": "region"})), SMALL)
    written = {key: value for key, value in SMALL.model_dump(mode="json").items() if key != "framing"}
    assert ClipSettings.written(written).framing == "region" and ClipSettings.written({}).fit == "inside"
    assert "framing" in SMALL.deciding and "framing" not in ClipSettings(fit="view_size").deciding


def test_a_saved_clip_of_a_loop_that_was_too_short_is_refused_and_other_tags_are_said():
    saved = SavedClip(np.full(SMALL.shape, 9, np.uint8), SMALL, frames=29, fps=30.0, view="apical_2")
    with pytest.raises(Unusable, match="loops of 1 s or more"):
        convert_pixels(saved, SMALL.model_copy(update={"min_seconds": 1}))
    assert convert_pixels(saved, SMALL)[1] is None
    assert "view_tags" in convert_pixels(saved, SMALL.model_copy(update={"view_tags": "paper"}))[1]


def test_conversion_keeps_grey_levels_time_and_the_padding():
    ramp = np.zeros(PUBLISHED.shape, np.uint8)
    ramp[:40] = np.arange(40, dtype=np.uint8)[:, None, None] * 6
    pixels, _ = convert_pixels(SavedClip(ramp, PUBLISHED), SMALL)
    middle = pixels[:, 13, 18].astype(int)
    assert (middle[0], middle[19]) == (0, 39 * 6) and not middle[20:].any()
    assert np.abs(np.diff(middle[:20], 2)).max() <= 1


def test_a_card_of_another_array_is_not_believed(saved, tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 6, 7), np.uint8))
    (tmp_path / "a.json").write_text(saved.with_suffix(".json").read_text())
    assert load_clip(tmp_path / "a.npy").clip is None


def test_no_file_beside_a_saved_clip_names_its_source(saved):
    for file in saved.parent.iterdir():
        assert b"examples_ybr" not in file.read_bytes() and "ybr" not in file.name


def a_loop(seed, fill=255):
    random = np.random.default_rng(seed)
    picture = random.integers(0, fill, SMALL.shape[1:], dtype=np.uint8) // 2
    return picture + random.integers(0, fill // 2, SMALL.shape, dtype=np.uint8)


def loops(folder, views):
    """Save a clip of each view, as ``inspect`` does, and return the folder."""
    folder.mkdir()
    for number, view in enumerate(views):
        np.save(folder / f"{number:05}.npy", a_loop(number))
        known = {"frames": 60, "fps": 30.0, "view": view, "view_source": "view_code"}
        (folder / f"{number:05}.json").write_text(json.dumps({"clip": SMALL.model_dump(mode="json"), **known}))
    return folder


def studies(registry, *paths):
    champion = Champion.load(registry)
    return list(predict_studies(list(score_files(paths, champion)), champion))


def test_a_study_has_the_risk_of_all_its_clips_together(of_two_folds, tmp_path):
    """As the champion scores a study of the project: the mean of the calibrated means of its views."""
    views = ["apical_4", "apical_4", "parasternal_long", "subcostal"]
    (study,) = studies(of_two_folds, loops(tmp_path / "study", views))
    champion = Champion.load(of_two_folds)
    clips = {"apical_4": [a_loop(0), a_loop(1)], "parasternal_long": [a_loop(2)], "subcostal": [a_loop(3)]}
    expected = champion.score_study(clips)
    assert study.risk == pytest.approx(expected.risk, abs=1e-6)
    assert study.logit == pytest.approx(expected.logit, abs=1e-5)
    assert (study.model, study.files, study.scored, study.missing) == ("all views", 4, 3, ())
    assert study.note == "1 clips of other views were left out"


def test_the_range_of_a_study_is_that_of_its_networks_alone(of_two_folds, tmp_path):
    """Each network alone, all calibrated alike: the risk by the mean logit lies between them."""
    (study,) = studies(of_two_folds, loops(tmp_path / "study", ["apical_4"]))
    model = Champion.load(of_two_folds).views["apical_4"]
    alone = [Platt(1.0, -1.0).risk(float(logit)) for logit in model.score_by_fold(a_loop(0)[None])[:, 0]]
    assert len(alone) == 2
    assert (study.low, study.high) == (pytest.approx(min(alone)), pytest.approx(max(alone)))
    assert study.low < study.risk < study.high
    assert study.missing == ("parasternal_long",)


def test_a_dark_loop_is_marked_and_a_study_of_which_half_is_dark(ranged, tmp_path):
    folder = loops(tmp_path / "study", ["apical_4", "apical_4", "parasternal_long"])
    np.save(folder / "00000.npy", a_loop(0) // 16)
    champion = Champion.load(ranged)
    files = list(score_files([folder], champion))
    assert [one.prediction.beyond for one in files] == [("loop brightness",), (), ()]
    assert [study.beyond for study in predict_studies(files, champion)] == [()]
    (study,) = predict_studies(files[:2], champion)
    assert study.beyond == ("loop brightness",) and study.risk is not None
    (_, line) = predicted_studies([study.as_record()])
    assert "beyond the development cohort: loop brightness" in line


def test_a_child_is_told_by_its_header_and_gets_no_risk_where_such_are_withheld(ranged, tmp_path):
    write_loop(tmp_path / "child" / "1.dcm", PatientBirthDate="20110203", StudyDate="20200204")
    write_loop(tmp_path / "adult" / "1.dcm", 2, PatientBirthDate="19510203", StudyDate="20200204")
    champion, withhold = Champion.load(ranged), Scoring(beyond="withhold")
    for folder, is_child in (("child", True), ("adult", False)):
        (marked,) = score_files([tmp_path / folder], champion)
        assert ("age" in marked.prediction.beyond) is is_child and marked.prediction.risk is not None
        (study,) = predict_studies([marked], champion)
        assert ("age" in study.beyond) is is_child and study.risk is not None
        assert str(round(marked.age)) not in f"{marked.prediction} {study.beyond}".split() and "age=" not in repr(
            marked
        )
    (file,) = score_files([tmp_path / "child"], champion, scoring=withhold)
    (study,) = predict_studies([file], champion, withhold)
    assert (file.prediction.risk, file.prediction.logit) == (None, None)
    assert (study.risk, study.logit, study.low, study.high, study.scored) == (None, None, None, None, 1)
    assert "scoring.beyond" in study.note
    (line, *_) = predicted([file.prediction.as_record()])
    assert line.startswith("no risk")


def test_risks_are_withheld_by_the_setting_of_the_project(ranged, tmp_path):
    (tmp_path / "registry").symlink_to(ranged)
    write_loop(tmp_path / "child" / "1.dcm", PatientBirthDate="20110203", StudyDate="20200204")
    for written, is_given in (("mark", True), ("withhold", False)):
        (tmp_path / "echomort.yaml").write_text(f"scoring: {{beyond: {written}}}\n")
        said = Home(tmp_path).here("predict", str(tmp_path / "child"), "--json", "--studies")
        (study,) = [json.loads(line) for line in said.stdout.splitlines()]
        assert "age" in study["beyond"] and (study["risk"] is not None) is is_given


@pytest.mark.parametrize(
    ("born", "seen", "told", "years"),
    [
        ("20110203", "20200204", "", 9),
        ("20110203", "20200204", "080Y", 9),
        ("", "20200204", "009Y", 9),
        ("20200203", "20110203", "018M", 1.5),
        ("19000101", "20200101", "", None),
        ("2011", "20200101", "9", None),
        ("", "20200101", "999Y", None),
    ],
)
def test_the_age_of_a_header(tmp_path, born, seen, told, years):
    write_loop(tmp_path / "1.dcm", PatientBirthDate=born, StudyDate=seen, PatientAge=told)
    found = age_at_study(tmp_path / "1.dcm")
    assert found == (None if years is None else pytest.approx(years, abs=0.01))


def test_files_of_one_folder_and_without_a_number_are_one_study_and_objects_go_by_their_own(registry, tmp_path):
    first, second = loops(tmp_path / "a", ["apical_4", "apical_4"]), loops(tmp_path / "b", ["apical_4"])
    found = studies(registry, first, second, LOOP)
    assert [(one.study, one.files, one.place) for one in found] == [
        (1, 2, str(first)), (2, 1, str(second)), (3, 1, str(LOOP.parent)),
    ]  # fmt: skip
    copies = tmp_path / "copies"
    (copies / "x").mkdir(parents=True)
    for target in (copies / "1.dcm", copies / "x" / "2.dcm"):
        target.write_bytes(LOOP.read_bytes())
    (one,) = studies(registry, copies)
    (alone,) = studies(registry, LOOP)
    assert (one.files, one.scored, one.risk) == (2, 1, alone.risk), "copies of one object count once"


def test_files_of_one_object_that_differ_count_none_and_the_study_says_so(registry, tmp_path):
    """Which of them is right nobody knows: training uses none."""
    right = write_loop(tmp_path / "study" / "1.dcm", 1)
    content = right.read_bytes()
    (tmp_path / "study" / "2.dcm").write_bytes(content[:-400] + 400 * b"\t")
    (study,) = studies(registry, tmp_path / "study")
    assert (study.files, study.scored, study.risk) == (2, 0, None)
    assert study.note == "files of one object differ, of which none counts"
    other = write_loop(tmp_path / "study" / "3.dcm", 2)
    (study,) = studies(registry, tmp_path / "study")
    (alone,) = studies(registry, other)
    assert (study.files, study.scored, study.risk) == (3, 1, alone.risk)
    assert study.note.endswith("; files of one object differ, of which none counts")


def test_no_damaged_file_and_no_pipe_stops_the_others(registry, tmp_path):
    """Each is a row with its reason; what tells its study is read as its header is."""
    content, generator = LOOP.read_bytes(), np.random.default_rng(7)
    for number in range(30):
        damaged = bytearray(content)
        for place in generator.integers(128, 3000, 12):
            damaged[place] = generator.integers(256)
        (tmp_path / f"{number:02}.dcm").write_bytes(bytes(damaged))
    os.mkfifo(pipe := tmp_path / "pipe.dcm")
    champion = Champion.load(registry)
    files = list(score_files([*sorted(tmp_path.glob("[0-9]*.dcm")), pipe, LOOP], champion))
    assert len(files) == 32 and files[-1].risk is not None and files[-2].risk is None
    assert all(one.prediction.reason for one in files if one.risk is None)
    assert sum(study.files for study in predict_studies(files, champion)) == 32


def test_a_study_without_an_accepted_file_has_no_risk_and_says_so(registry):
    (study,) = studies(registry, STILL)
    assert (study.risk, study.low, study.high, study.scored) == (None, None, None, 0)
    assert study.note == "no file of it was accepted"
    (_, line) = predicted_studies([study.as_record()])
    assert line.startswith("study 1: no risk; 0 of 1 files count; without apical_4, parasternal_long; no file")


@pytest.mark.parametrize("taken", [1, 3])
def test_the_processes_that_read_end_with_the_last_score_that_is_taken(taken, registry):
    """A rejection that is kept holds the frames it came through: the search for garbage would end them, some day."""
    before = set(threading.enumerate())
    scores = score_files([STILL, LOOP, STILL], Champion.load(registry))
    kept = [next(scores) for _ in range(taken)]
    scores.close()
    assert len(kept) == taken and set(threading.enumerate()) == before


def test_studies_are_lines_after_the_files_and_objects_of_their_own(registry, tmp_path):
    (tmp_path / "registry").symlink_to(registry)
    home, study = Home(tmp_path), str(loops(tmp_path / "study", ["apical_4", "parasternal_long"]))
    lines = home.here("predict", study).stdout.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["risk", "risk", "The", "", "study"]
    assert "2 of 2 files count" in lines[-1]
    files = [json.loads(line) for line in home.here("predict", study, "--json").stdout.splitlines()]
    assert [list(one) for one in files] == [KEYS, KEYS]
    (one,) = [json.loads(line) for line in home.here("predict", study, "--json", "--studies").stdout.splitlines()]
    assert one["files"] == 2 and one["low"] <= one["risk"] <= one["high"]


def test_a_champion_of_health_records_alone_refuses_echo_files(registry):
    champion = replace(Champion.load(registry), views={})
    with pytest.raises(UserError, match="health records alone"):
        list(score_files([LOOP], champion))


def test_without_a_champion_or_a_path_nothing_is_scored(registry, tmp_path):
    with pytest.raises(UserError, match="no champion yet"):
        list(predict_paths([LOOP], tmp_path / "registry"))
    with pytest.raises(UserError, match="does not exist"):
        list(predict_paths([tmp_path / "none.dcm"], registry))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no file is in"):
        list(predict_paths([tmp_path / "empty"], registry))


def test_what_a_person_reads_is_one_line_a_file_and_a_word_on_a_synthetic_champion(registry):
    lines = list(predicted(one.as_record() for one in predict_paths([LOOP, STILL], registry)))
    assert lines[0].startswith("risk ") and str(LOOP) in lines[0] and "[1]" in lines[0]
    assert lines[1].startswith("rejected: ") and lines[2].startswith("[1] the view is unknown")
    assert lines[-1].endswith("mean nothing for a person.")
    records = (inspection.as_record() for inspection in inspect_paths([LOOP, STILL], Settings()))
    assert list(inspected(records))[-1] == "1 accepted, 1 rejected"


def test_no_name_of_a_file_can_write_to_the_terminal():
    record = {"path": "a\x1b[2Jb\n\udc80", "status": "rejected", "reason": "still", "note": None, "synthetic": False}
    line, *_ = predicted([record | dict.fromkeys(("view", "view_source", "frames", "fps", "risk", "beyond"))])
    assert line.isprintable() and r"a\x1b[2Jb\n\udc80" in line


def test_the_audit_log_has_the_file_that_was_scored_under_its_name_in_the_index(registry, tmp_path):
    (tmp_path / "registry").symlink_to(registry)
    home = Home(tmp_path)
    assert home.here("predict", str(LOOP), str(STILL)).status == 0
    begun, done = read_log(tmp_path)
    assert (begun["event"], begun["objects"], done["event"]) == ("begun", [], "done")
    assert done["objects"] == [f"candidate {champion_name(registry)}", f"file {source_digest(LOOP)}"]
    assert done["counts"] == {"files": 2, "scored": 1}
    assert LOOP.name not in (tmp_path / LOG).read_text()


def test_a_folder_that_is_no_project_gets_no_audit_log(tmp_path):
    assert Home(tmp_path).here("predict", str(LOOP)).status == 2
    assert not (tmp_path / LOG).exists()

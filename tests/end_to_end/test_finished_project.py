"""From an archive to a report by one command, and what that leaves."""

import json
import math
import re
from importlib import resources
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from projects import Home

from echomort.core.errors import UserError

pytestmark = pytest.mark.slow

PYDICOM = Path(str(resources.files("pydicom"))) / "data" / "test_files"
DATA = Path(str(resources.files("data_store"))) / "data"
LOOPS = [PYDICOM / "examples_ybr_color.dcm", DATA / "color3d_jpeg_baseline.dcm"]
OTHERS = {
    PYDICOM / "examples_rgb_color.dcm": {"not_cardiac", "still"},
    PYDICOM / "examples_palette.dcm": {"not_cardiac", "still"},
    DATA / "color-pl.dcm": {"not_transthoracic"},
}


def jsons(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_asset_stands_and_every_check_passed(finished: Home) -> None:
    from orchestration.definitions import defs

    rows = jsons(finished.echomort("status", "--json").stdout)
    graph = defs.resolve_asset_graph()
    assert {row["asset"] for row in rows} == {key.to_user_string() for key in graph.materializable_asset_keys}
    experiments = {
        key.to_user_string() for key in graph.materializable_asset_keys if graph.get(key).group_name == "experiments"
    }
    on_request = {row["asset"] for row in rows if row["state"] == "on request"}
    assert on_request == experiments
    rows = [row for row in rows if row["asset"] not in on_request]
    assert all(row["kept"] for row in rows)
    assert [row for row in rows if row["state"] != "up to date"] == []
    idle = {row["asset"] for row in rows if row["why"] == "nothing to make"}
    assert idle == {"clip_embeddings"}, "this project brings no encoder"
    rows = [row for row in rows if row["asset"] not in idle]
    assert all(row["units"] > 0 and row["changed"] for row in rows)
    with dg.DagsterInstance.from_config(str(finished.root / "dagster")) as instance:
        assert all(instance.get_latest_materialization_event(dg.AssetKey(row["asset"])) for row in rows)
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
    assert set(records) == set(graph.asset_check_keys)
    warned = {key.name for key, record in records.items() if record.status.value != "SUCCEEDED"}
    assert {records[key].evaluation.severity.value for key in records if key.name in warned} == {"WARN"}
    told = {"patient", "contact", "measurement", "diagnosis"}
    few = {"enough_deaths_for_a_result", "risk_is_in_the_motion"}  # two epochs on a handful of deaths
    expected = {f"{table}_rows_set_aside" for table in told} | {"feature_values_refused"} | few
    assert warned == expected, "the archive's dirt and the small size are told, and nothing else"


def test_every_file_ends_as_a_clip_or_as_a_reject_with_a_reason(finished: Home) -> None:
    files = sum(1 for path in (finished.root / "archive" / "dicom").rglob("*") if path.is_file())
    ((instances, unreadable),) = finished.query("SELECT count(*), count(reason) FROM dicom_instance")
    ((unlinked,),) = finished.query("SELECT count(reason) FROM instance_link")
    ((clips, rejected),) = finished.query("SELECT count(digest), count(reason) FROM clip")
    assert files == instances == clips + rejected + unlinked + unreadable
    assert clips > 0.7 * files and rejected + unreadable > 0
    assert finished.query("SELECT count(*) FROM clip WHERE (status = 'accepted') = (digest IS NULL)") == [(0,)]


def test_every_labelled_study_is_scored_by_every_model_once(finished: Home) -> None:
    scored = dict(finished.query("SELECT model, count(*) - count(DISTINCT study_key) FROM score GROUP BY model"))
    assert {"view:apical_4", "view:parasternal_long", "all_views", "ehr", "video_ehr"} <= set(scored)
    assert set(scored.values()) == {0}
    assert finished.query("SELECT count(*) FROM score WHERE NOT isfinite(logit)") == [(0,)]


def test_every_study_that_models_did_not_learn_from_has_the_champions_risk(finished: Home) -> None:
    wanted = finished.query(
        "SELECT DISTINCT study_key FROM clip JOIN study USING (study_key) WHERE status = 'accepted' "
        "AND study_key NOT IN (SELECT study_key FROM cohort WHERE role = 'development') ORDER BY study_key"
    )
    rows = finished.query("SELECT study_key, champion, clips, risk, in_development FROM risk_score ORDER BY study_key")
    assert [row[:1] for row in rows] == wanted and len(rows) > 0
    champion = json.loads((finished.root / "registry" / "champion.json").read_text())["candidate"]
    assert {row[1] for row in rows} == {champion}
    assert all(clips > 0 and 0 < risk < 1 for _, _, clips, risk, _ in rows)
    ((learnt,),) = finished.query(
        "SELECT count(*) FROM risk_score JOIN study USING (study_key) WHERE in_development <> (patient_key IN "
        "(SELECT patient_key FROM cohort WHERE role = 'development'))"
    )
    assert learnt == 0
    both = "risk_score AS r JOIN score AS s USING (study_key, model)"
    unseen = f"SELECT max(abs(s.logit - r.logit)) FROM {both} WHERE fold < 0"
    ((apart,),) = finished.query(unseen)
    assert apart is not None and apart < 1e-4, "those kept apart were scored by the same models"


def test_the_champion_knows_what_its_cohort_holds_and_few_studies_are_beyond(finished: Home) -> None:
    from echomort.champion.model import Champion

    ranges = Champion.load(finished.root / "registry").ranges
    low, high = ranges.variables["age"]
    assert 18 <= low < high <= 110 and len(ranges.variables) > 1
    assert set(ranges.loops) == {"apical_4", "parasternal_long"}
    assert all(set(measures) <= {"brightness", "contrast", "noise"} for measures in ranges.loops.values())
    beyond = [one for (one,) in finished.query("SELECT beyond FROM risk_score")]
    assert len(beyond) > 0 and sum(one != "" for one in beyond) <= 0.2 * len(beyond)


def test_a_champion_that_learnt_from_other_clips_gives_no_risk(project: Home) -> None:
    from assets.prediction.risk_scores import RISK_SCORES, plan_risks, show_risks
    from assets.project import Project

    def planned(project: Project) -> dict[str, str]:
        return plan_risks(project, RISK_SCORES.how(project))

    at_home = {"home": str(project.root)}
    assert len(planned(Project(**at_home))) == len(project.query("FROM risk_score"))
    config = project.root / "echomort.yaml"
    config.write_text(config.read_text() + "imaging: {clip: {resize: linear}}\n")
    changed = Project(**at_home)
    assert changed.settings.imaging.clip.resize == "linear"
    assert planned(changed) == {}
    with changed.reader() as connection:
        assert "train again" in show_risks(connection, changed)["skipped"]
    (project.root / "registry" / "champion.json").unlink()
    with pytest.raises(UserError, match=r"champion\.json is missing"):  # risks are not deleted for a lost pointer
        planned(Project(**at_home))


def test_a_file_beside_the_report_or_the_card_that_is_gone_is_made_again(project: Home) -> None:
    table = json.loads((project.root / "report" / "report.json").read_text())["files"][-1]
    gone = [project.root / "report" / name for name in ("report.json", table, "model_card.md")]
    before = [file.read_bytes() for file in gone]
    for file in gone:
        file.unlink()
    stale = project.stale()
    assert stale["report"] == f"missing: report/report.json, report/{table}"
    assert stale["model_card"] == "missing: report/model_card.md"
    project.rerun()
    assert [file.read_bytes() for file in gone] == before
    assert project.stale() == {}


def test_the_report_is_one_file_that_needs_no_network(finished: Home) -> None:
    page = (finished.root / "report" / "report.html").read_text()
    figures = json.loads((finished.root / "report" / "report.json").read_text())
    fetched = re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]+)|url\(\s*["']?([^"')]+)|@import\s+(\S+)""", page)
    outside = [target for found in fetched for target in found if target and not target.startswith(("#", "data:"))]
    assert set(outside) == set(figures["files"])
    assert all((finished.root / "report" / file).is_file() for file in figures["files"])
    assert "<script src" not in page and "synthetic" in page.lower()


def test_the_real_loops_are_scored_as_files_and_as_saved_clips(finished: Home, tmp_path: Path) -> None:
    paths = [str(path) for path in [*LOOPS, *OTHERS]]
    inspected = finished.echomort("inspect", "--json", *paths, "--save", str(tmp_path), home=False)
    seen = {Path(record["path"]): record for record in jsons(inspected.stdout)}
    scored = finished.echomort("predict", "--json", *paths, str(tmp_path))
    assert (inspected.returncode, scored.returncode) == (0, 0), scored.stderr
    records = {Path(record["path"]): record for record in jsons(scored.stdout)}
    for number, path in enumerate(LOOPS, 1):
        assert seen[path]["status"] == records[path]["status"] == "accepted" and seen[path]["fps_source"] == "FrameTime"
        assert math.isfinite(records[path]["logit"]) and records[path]["synthetic"] is True
        saved = records[tmp_path / f"{number:05d}.npy"]
        assert saved["risk"] == pytest.approx(records[path]["risk"], abs=0.03) and "converted" in saved["note"]
    for path, reasons in OTHERS.items():
        assert seen[path]["reason"] == records[path]["reason"] and records[path]["reason"] in reasons
    assert len(records) == len(LOOPS) * 2 + len(OTHERS)


def test_predict_names_what_is_missing(finished: Home, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    loop = str(LOOPS[0])
    for home, arguments, message in (
        (finished, ("nowhere.dcm",), "nowhere.dcm does not exist"),
        (Home(tmp_path / "empty"), (loop,), "there is no champion yet"),
        (Home(tmp_path / "none"), (loop,), "there is no project at"),
        (finished, (loop, "--view", "sideways"), "no such view group"),
    ):
        said = home.here("predict", *arguments)
        assert said.status == 2 and message in said.stderr and said.stderr.count("\n") == 1, said.stderr
        assert said.stdout == ""


def test_the_risks_of_studies_are_a_table_for_their_owner_alone(finished: Home, tmp_path: Path) -> None:
    """Under pseudonyms, or with the site's own numbers on request; the audit log notes both."""
    plain, named = tmp_path / "plain.csv", tmp_path / "named.csv"
    assert finished.echomort("scores", "--out", str(plain)).stdout.startswith(f"written: {plain}: ")
    finished.echomort("scores", "--out", str(named), "--identifiers")
    assert {path.stat().st_mode & 0o777 for path in (plain, named)} == {0o600}
    rows, with_numbers = pd.read_csv(plain), pd.read_csv(named)
    ((studies,),) = finished.query("SELECT count(*) FROM risk_score")
    assert len(rows) == studies > 0 and rows["risk"].between(0, 1).all()
    assert not {"study_id", "patient_id"} & set(rows.columns)
    pd.testing.assert_frame_equal(with_numbers[rows.columns], rows)
    patients = pd.read_csv(finished.root / "archive" / "ehr" / "patient.csv", dtype=str)["patient_id"]
    assert set(with_numbers["patient_id"].astype(str)) <= set(patients)
    text = plain.read_text()
    assert not any(str(number) in text for number in with_numbers["study_id"])
    log = [json.loads(line) for line in (finished.root / "audit.jsonl").read_text().splitlines()]
    assert [one["counts"] for one in log if one["command"] == "scores" and one["event"] == "done"] == [
        {"studies": studies}, {"studies": studies},
    ]  # fmt: skip

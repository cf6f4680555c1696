"""A reader study on a finished project, by the commands: export, assist, analyse, report."""

import json
from pathlib import Path

import pandas as pd
import pytest
from projects import Home

pytestmark = pytest.mark.slow


def printed(home: Home, *arguments: str) -> str:
    """Return what a command of the study printed; it must end well."""
    done = home.here("readers", *arguments)
    assert done.status == 0, done.stderr[-3000:]
    return done.stdout


def send_back(home: Home, folder: Path) -> None:
    """Answer as two readers who say what the model says once they see it, and alive before."""
    frozen = json.loads((home.root / "readers" / "frozen.json").read_text())
    cases = pd.DataFrame(frozen["cases"])
    for reader in ("R1", "R2"):
        for condition in ("unaided", "aided"):
            answer = cases["answer"] if condition == "aided" else "alive"
            table = cases[["case_id"]].assign(reader_id=reader, condition=condition, answer=answer)
            table.to_csv(folder / f"{reader}_{condition}.csv", index=False)


def test_a_study_from_cases_to_the_report(project: Home, tmp_path: Path) -> None:
    plain, aided = tmp_path / "plain", tmp_path / "aided"
    output = printed(project, "export", str(plain), "--readers", "2")
    frozen = json.loads((project.root / "readers" / "frozen.json").read_text())
    assert f"{len(frozen['cases'])} cases ({frozen['balance']['dead']} dead" in output
    assert frozen["balance"]["dead"] == frozen["balance"]["alive"] > 1

    shown = json.loads((project.root / "readers" / "shown.json").read_text())
    assert shown["views"] == ["parasternal_long", "apical_4"], "the view asked for, then the other trained one"
    accepted = "SELECT clip.study_key, count(*) FROM clip JOIN clip_view USING (clip_key) WHERE status = 'accepted'"
    accepted = dict(project.query(f"{accepted} AND clip_view.view IN ('parasternal_long', 'apical_4') GROUP BY ALL"))
    studies = {case["case_id"]: case["study_key"] for case in frozen["cases"]}
    assert all(len(case["loops"]) == accepted[studies[case["case_id"]]] for case in shown["cases"])
    assert all(case["sheets"][0]["view"] == "parasternal_long" for case in shown["cases"])

    roles = dict(project.query("SELECT study_key, role || fold || label FROM cohort"))
    logits = dict(project.query("SELECT study_key, logit FROM score WHERE model = 'video_ehr' AND fold = -1"))
    for case in frozen["cases"]:
        assert roles[case["study_key"]] == f"reader-1{int(case['died'])}"
        assert logits[case["study_key"]] == case["logit"]

    printed(project, "export", str(tmp_path / "again"), "--readers", "2")
    names = sorted(path.relative_to(plain) for path in plain.rglob("*"))
    assert all((plain / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names if name.suffix)
    printed(project, "assist", str(aided))
    assert "The model:" in (aided / "R1.html").read_text() and "The model:" not in (plain / "R1.html").read_text()

    send_back(project, plain)
    table = printed(project, "analyse", str(plain))
    assert "R1 unaided" in table and "All readers" in table and "Cochran's Q" in table
    assert set(project.stale()) == {"report"}
    project.rerun()
    assert "Readers without and with the model" in (project.root / "report" / "report.html").read_text()
    twin = json.loads((project.root / "report" / "report.json").read_text())
    assert {row["Answers of"] for row in twin["tables"]["reader_answers"]} >= {"R1 unaided", "R2 aided", "Model"}
    assert project.stale() == {}


def test_without_a_study_the_report_has_no_section(finished: Home) -> None:
    assert "Readers without" not in (finished.root / "report" / "report.html").read_text()


def test_what_cannot_be_done_is_said_in_a_line(project: Home, tmp_path: Path) -> None:
    def refused(message: str, *arguments: str, home: Home = project) -> None:
        done = home.here("readers", *arguments)
        assert done.status == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert done.stdout == ""

    new, missing = str(tmp_path / "new"), str(tmp_path / "missing.csv")
    refused("no reader study is frozen", "assist", new)
    refused("missing.csv does not exist", "analyse", missing)
    refused("no such view group", "export", new, "--view", "sideways")
    refused("have a loop of subcostal_4: name another view", "export", new, "--view", "subcostal_4")
    refused("cases can be shown, 500 were asked for", "export", new, "--cases", "500")
    refused("exists already: name a new folder", "export", str(project.root))
    refused("there is no project at", "export", new, home=Home(tmp_path / "none"))
    assert not (project.root / "readers").exists() and not Path(new).exists()
    printed(project, "export", new)
    refused("another reader study is frozen", "export", str(tmp_path / "other"), "--cases", "2")

"""`echomort trace` finds what made a figure, and what a file made: no more, no less, and no identifier unasked."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from projects import Home

from assets.project import Project
from assets.trace import Trace, identifiers_of, trace
from assets.training.view_models import VIEW_MODELS
from echomort.core.audit import LOG, check_chain, read_log
from echomort.core.errors import UserError
from orchestration.printing.trace import trace_lines, trace_svg
from warehouse import ledger, vault
from warehouse.ledger import Entry

STUDIES = {  # study -> role, fold, label, headline
    "11111111aaaa": ("development", 0, 1, True),
    "22222222aaaa": ("development", 1, 0, False),
    "33333333aaaa": ("later_years", -1, 0, True),
    "44444444aaaa": (None, None, None, None),
}
FILES = {  # name below the archive -> study, view, reason
    "p1/a.dcm": ("11111111aaaa", "apical_4", None),
    "p1/b.dcm": ("11111111aaaa", "parasternal_long", None),
    "p2/c.dcm": ("22222222aaaa", "parasternal_long", None),
    "p3/d.dcm": ("33333333aaaa", "apical_4", None),
    "p4/e.dcm": ("44444444aaaa", "apical_4", None),
    "p4/f.dcm": (None, None, "still"),
}
SCORES = {
    "view:apical_4": ("11111111aaaa", "33333333aaaa"),
    "view:parasternal_long": ("11111111aaaa", "22222222aaaa"),
    "all_views": ("11111111aaaa", "22222222aaaa", "33333333aaaa"),
    "ehr": ("11111111aaaa", "22222222aaaa", "33333333aaaa"),
}
FIGURES = [
    *(("out_of_fold", model, "all", "auc", 0.7, 0.6, 0.8, 1, 1, "DeLong") for model in SCORES),
    *(("held_out", model, "role=later_years", "auc", 0.7, 0.6, 0.8, 1, 0, "DeLong") for model in ("ehr", "all_views")),
    ("recalibrated", "ehr", "all", "auc", 0.7, None, None, 1, 1, "none"),
    ("comparison", "all_views vs ehr", "all", "auc_difference", 0.1, 0.0, 0.2, 1, 1, "DeLong"),
]


def patient(study: str) -> str:
    return f"patient_of_{study[:4]}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose tables and ledger hold four studies and six files."""
    for name in FILES:
        (tmp_path / "archive" / "dicom" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / "dicom" / name).write_bytes(name.encode())
    (tmp_path / "archive" / "ehr").mkdir()
    (tmp_path / "archive" / "ehr" / "study.csv").write_text("x")
    (tmp_path / "echomort.yaml").write_text("preset: demo\n")
    project = Project(home=str(tmp_path))
    keys = {name: project.keyring.pseudonym("instance", name) for name in FILES}
    folder = {name: project.keyring.pseudonym("folder", name.partition("/")[0]) for name in FILES}
    vault.remember(project.vault, "folder", {folder[name]: name.partition("/")[0] for name in FILES})
    vault.remember(project.vault, "patient", {patient(study): f"MRN {study[:4]}" for study in STUDIES})
    with project.writer() as connection:
        for study, (role, fold, label, headline) in STUDIES.items():
            connection.execute("INSERT INTO study (study_key, patient_key) VALUES (?, ?)", [study, patient(study)])
            connection.execute("INSERT INTO patient (patient_key) VALUES (?)", [patient(study)])
            if role:
                row = [study, patient(study), role, fold, label, 400, bool(label), headline, headline]
                connection.execute("INSERT INTO cohort VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        for name, (study, view, reason) in FILES.items():
            status = "rejected" if reason else "accepted"
            connection.execute(
                "INSERT INTO dicom_instance (instance_key, folder_key, status, reason) VALUES (?, ?, ?, ?)",
                [keys[name], folder[name], status, reason],
            )
            if not reason:
                connection.execute(
                    "INSERT INTO instance_link (instance_key, study_key, status) VALUES (?, ?, 'accepted')",
                    [keys[name], study],
                )
                connection.execute(
                    "INSERT INTO clip (clip_key, instance_key, study_key, status) VALUES ($1, $1, $2, 'accepted')",
                    [keys[name], study],
                )
                connection.execute("INSERT INTO clip_view VALUES (?, ?, ?, 'tag')", [keys[name], study, view])
        for model, studies in SCORES.items():
            for study in studies:
                connection.execute("INSERT INTO score VALUES (?, ?, 0, NULL, 0.0, NULL)", [study, model])
        connection.executemany("INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", FIGURES)
        recipe = ledger.write_recipe(connection, VIEW_MODELS.recipe(project.settings))
        old = ledger.write_recipe(connection, {"library numpy": "1.0", "setting training.batch": "another"})
        ledger.record(connection, "clips", [Entry(one, "f", one, f"clips/{one}.safetensors") for one in STUDIES])
        ledger.record(connection, "dicom_index", [Entry(one, "f", one, f"index/{one}") for one in set(folder.values())])
        views = [Entry(f"cnn_3d/{view}", "f", view, f"models/{view}", {}, recipe)
                 for view in ("apical_4", "parasternal_long")]  # fmt: skip
        ledger.record(connection, "view_models", views)
        for asset in ("dicom_archive", "ehr_extract", "study", "linkage", "cohort", "clip_views", "fusion",
                      "ehr_models", "evaluation", "report"):  # fmt: skip
            ledger.record(connection, asset, [Entry("all", "f", asset, None, {}, old)])
    return project


def keys_of(found: Trace) -> set[str]:
    return {str(row["study_key"]) for row in found.studies}


def names_of(project: Project, found: Trace) -> set[str]:
    keys = {project.keyring.pseudonym("instance", name): name for name in FILES}
    return {keys[str(row["instance_key"])] for row in found.files}


def steps_of(found: Trace, is_source: bool) -> set[str]:
    return {step.asset for step in found.steps if step.is_source == is_source}


def test_a_figure_leads_to_the_studies_files_models_and_settings_that_made_it(project: Project) -> None:
    found = trace(project, "view:parasternal_long/auc")
    assert (found.kind, found.name) == ("figure", "out_of_fold/view:parasternal_long/auc/all")
    assert keys_of(found) == {"11111111aaaa", "22222222aaaa"}
    assert names_of(project, found) == {"p1/b.dcm", "p2/c.dcm"}
    assert {"dicom_archive", "dicom_index", "clips", "view_models", "evaluation"} <= steps_of(found, True)
    assert steps_of(found, False) == {"report"} and "ehr_models" not in steps_of(found, True)
    (models,) = [step for step in found.steps if step.asset == "view_models"]
    assert models.units == ("cnn_3d/parasternal_long",) and models.files == ("models/parasternal_long",)
    assert models.settings["training.batch"] == project.settings.training.batch
    assert "torch" in models.libraries and any("view_models" in part for part in models.code)
    (clips,) = [step for step in found.steps if step.asset == "clips"]
    assert set(clips.units) == {"11111111aaaa", "22222222aaaa"}


def test_a_setting_that_is_another_now_is_not_shown_as_the_one_that_was_used(project: Project) -> None:
    (fusion,) = [step for step in trace(project, "all_views/auc").steps if step.asset == "fusion"]
    assert fusion.settings == {"training.batch": "changed since"} and fusion.libraries == {"numpy": "1.0"}


def test_the_files_of_a_figure_of_the_records_are_none_of_the_archive(project: Project) -> None:
    found = trace(project, "out_of_fold/ehr/auc")
    assert found.files == [] and keys_of(found) == {"11111111aaaa", "22222222aaaa"}
    assert "ehr_models" in steps_of(found, True) and "view_models" not in steps_of(found, True)


def test_a_figure_of_a_set_apart_or_of_two_models_has_their_studies(project: Project) -> None:
    assert keys_of(trace(project, "held_out/ehr/auc/role=later_years")) == {"33333333aaaa"}
    found = trace(project, "all_views vs ehr/auc_difference")
    assert found.models == ("all_views", "ehr") and {"fusion", "ehr_models"} <= steps_of(found, True)


def figures_of(found: Trace) -> set[tuple[str, str]]:
    return {(str(row["evaluation"]), str(row["model"])) for row in found.figures}


def test_a_file_leads_to_the_models_of_its_view_and_to_their_figures_and_to_no_others(project: Project) -> None:
    found = trace(project, str(project.settings.dicom_root / "p2" / "c.dcm"))
    assert found.kind == "file" and keys_of(found) == {"22222222aaaa"}
    assert set(found.models) == {"view:parasternal_long", "all_views"}
    assert figures_of(found) == {("out_of_fold", "view:parasternal_long"), ("out_of_fold", "all_views"),
                                 ("held_out", "all_views"), ("comparison", "all_views vs ehr")}  # fmt: skip
    assert {"clips", "view_models", "fusion", "evaluation", "report"} <= steps_of(found, False)
    (models,) = [step for step in found.steps if step.asset == "view_models"]
    assert models.units == ("cnn_3d/parasternal_long",)
    assert trace(project, found.name[:8]) == found


def test_a_file_of_a_patient_set_apart_is_in_the_figures_of_that_set_alone(project: Project) -> None:
    assert figures_of(trace(project, str(project.settings.dicom_root / "p3" / "d.dcm"))) == {("held_out", "all_views")}


@pytest.mark.parametrize(("name", "below"), [("p4/e.dcm", {"linkage", "clips", "clip_views", "report"}),
                                             ("p4/f.dcm", {"linkage", "report"})])  # fmt: skip
def test_a_file_that_no_model_saw_is_in_no_figure(project: Project, name: str, below: set[str]) -> None:
    found = trace(project, str(project.settings.dicom_root / name))
    assert (found.models, found.figures) == ((), []) and steps_of(found, False) == below


def test_a_study_leads_to_all_models_that_scored_it(project: Project) -> None:
    found = trace(project, "22222222")
    assert found.kind == "study" and set(found.models) == {"view:parasternal_long", "all_views", "ehr"}
    assert {row["evaluation"] for row in found.figures} == {"out_of_fold", "held_out", "recalibrated", "comparison"}


def test_files_of_the_records_and_of_the_home_are_followed(project: Project) -> None:
    records = trace(project, str(project.root / "archive" / "ehr" / "study.csv"))
    assert len(records.figures) == len(FIGURES) and "cohort" in steps_of(records, False)
    (project.root / "models" / "apical_4").mkdir(parents=True)
    models = trace(project, "models/apical_4")
    assert models.kind == "artifact" and {"view_models", "clips"} <= steps_of(models, True)
    assert "evaluation" in steps_of(models, False)


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", "; models: all_views, "), ("", "there is no figure"), ("video/auc", "known, as model: all_views"),
     ("ehr/sensitivity", "known, as metric: auc"), ("ehr/auc/sex=male", "known, as subset: all"),
     ("ehr/auc", "stands for 2 figures"), ("echomort.yaml", "is no file of a result"), ("/dev/null", "no file of")],
)  # fmt: skip
def test_a_name_that_is_unknown_or_stands_for_several_things_is_one_line(
    project: Project, name: str, words: str
) -> None:
    with pytest.raises(UserError) as caught:
        trace(project, name)
    assert words in str(caught.value) and "\n" not in str(caught.value) and caught.value.remedy


def test_lines_json_and_drawing_hold_no_identifier_unless_it_is_asked_for(project: Project) -> None:
    hidden = ("MRN", "p1/", "a.dcm", "b.dcm")
    found = trace(project, "view:parasternal_long/auc")
    drawn = trace_svg(found)
    for text in ("\n".join(trace_lines(found, {})), json.dumps(found.as_record()), drawn):
        assert [text[text.find(word) - 40 : text.find(word) + 20] for word in hidden if word in text] == []
    boxes = ElementTree.fromstring(drawn).findall("{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == 1 + len(found.steps)
    shown = "\n".join(trace_lines(found, identifiers_of(project, found)))
    assert "MRN 1111" in shown and "p1/b.dcm" in shown and "MRN 3333" not in shown


def test_the_command_writes_identifiers_only_with_a_line_in_the_audit_log(project: Project) -> None:
    home = Home(project.root)
    plain = home.here("trace", "22222222", "--save", str(project.root / "way.svg"))
    assert plain.status == 0 and "MRN" not in plain.stdout and not (project.root / LOG).exists()
    assert (project.root / "way.svg").read_text().startswith("<svg")
    asked = home.here("trace", "22222222", "--identifiers", "--json")
    assert json.loads(asked.stdout)["identifiers"]["patient"] == {patient("22222222"): "MRN 2222"}
    begun, done = read_log(project.root)
    assert (begun["event"], done["event"], done["counts"]) == (
        "begun",
        "done",
        {"files": 1, "patients": 1, "studies": 1},
    )
    assert "MRN" not in (project.root / LOG).read_text() and check_chain(project.root).broken is None
    project.vault.unlink()
    assert "there is no vault" in home.here("trace", "22222222", "--identifiers").stderr
    assert home.here("trace", "nothing").status == 2


def test_what_was_made_on_request_is_followed_too(project: Project) -> None:
    with project.writer() as connection:
        entry = Entry("apical_4-cnn_2d_lstm", "f", "d", "models/experiments/one")
        ledger.record(connection, "experiment_table1", [entry])
    (project.root / "models" / "experiments" / "one").mkdir(parents=True)
    found = trace(project, "models/experiments/one")
    assert {"experiment_table1", "clips", "cohort"} <= steps_of(found, True)


@pytest.mark.slow
def test_the_headline_studies_of_a_figure_are_as_many_as_it_says(finished: Home) -> None:
    project = Project(home=str(finished.root))
    for model in ("ehr", "all_views", "view:apical_4"):
        found = trace(project, f"out_of_fold/{model}/auc")
        headline = [row for row in found.studies if row["headline"] and row["label"] is not None]
        assert (len(headline), sum(row["label"] for row in headline)) == (found.facts["n"], found.facts["events"])
    champion = trace(project, json.loads((finished.root / "registry" / "champion.json").read_text())["candidate"])
    assert champion.kind == "candidate" and "view_models" in steps_of(champion, True) and champion.studies


def test_a_risk_that_was_withheld_is_told_with_its_reason() -> None:
    row = {"study_key": "s", "champion": "c", "model": "video"}
    risks = [row | {"risk": None, "beyond": "age"}, row | {"risk": 0.25, "beyond": ""}]
    lines = list(trace_lines(Trace("study", "s", {}, [], [], {}, [], risks=risks), {}))
    assert "risk of study s: withheld by champion c, beyond the development cohort: age" in lines
    assert "risk of study s: 0.2500 by champion c" in lines

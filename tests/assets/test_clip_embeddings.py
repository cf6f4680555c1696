"""Encoders that the site brings, in a project: what is encoded again, what is judged, and what an erasure removes."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import numpy as np
import pytest
import yaml
from encoder_files import INPUT, LICENCE, Constant, Flicker, RandomProjection, loops, write_encoder, write_spec
from projects import Home, copied

from assets.erasure import erase, plan_erasure
from assets.incremental import stale_units
from assets.project import Project
from assets.trace import trace
from assets.training import clip_embeddings as asset
from assets.training.clip_embeddings import CLIP_EMBEDDINGS
from assets.training.encoder_models import encoder_models
from assets.verify import verify
from echomort.clips.store import artifact_of, write_study
from echomort.core.errors import UserError
from echomort.encoders.__main__ import embed_studies
from echomort.encoders.store import read_embeddings
from echomort.encoders.task import embed_in_children
from echomort.evaluation import auc
from warehouse import ledger, vault
from warehouse.ledger import Entry

PATIENTS = 60
"""One study each, of two clips; the first has none, and the last six are set apart."""
LABEL = (np.random.default_rng(5).random(PATIENTS) < 0.5).astype(int)


def number_of(patient: int) -> str:
    return f"RECORD-{patient:04d}"


ENCODERS = {"flat": (Constant(), 2), "flicker": (Flicker(), 1), "noise": (RandomProjection(), 4)}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a project of clips and a cohort, whose clips three encoders encoded, in the process of the test."""
    root = tmp_path_factory.mktemp("encoders") / "home"
    (root / "archive/dicom").mkdir(parents=True)
    for name, (module, numbers) in ENCODERS.items():
        write_encoder(root, name, module, numbers)
    _write_settings(root, *ENCODERS)
    opened = Project(home=str(root))
    vault.remember(opened.vault, "folder", {"key": "name"})
    with opened.writer() as connection:
        for patient, clips in enumerate(zip(*[iter(loops(np.repeat(LABEL, 2)))] * 2, strict=True)):
            _add_study(connection, opened, patient, clips if patient else ())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asset, "embed_in_children", lambda task, processes: embed_studies(task))
        make(opened)
        yield root


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Project:
    """A copy of it."""
    shutil.copytree(original, tmp_path / "home")
    _write_settings(tmp_path / "home", *ENCODERS)
    return Project(home=str(tmp_path / "home"))


def _write_settings(root: Path, *names: str) -> None:
    encoders = {"specs": [str(root / f"{name}.yaml") for name in names], "accepted_licences": [LICENCE]}
    (root / "echomort.yaml").write_text(yaml.safe_dump({"preset": "demo", "encoders": {**encoders, "processes": 1}}))


def _add_study(
    connection: duckdb.DuckDBPyConnection, project: Project, patient: int, clips: Sequence[np.ndarray]
) -> None:
    key, study = study_of(project, patient)
    fold, died = patient % 3 if patient < PATIENTS - 6 else -1, int(LABEL[patient])
    row = [study, key, "development" if fold >= 0 else "later_years", fold, died, 400, bool(died), True, True]
    connection.execute("INSERT INTO patient (patient_key) VALUES (?)", [key])
    connection.execute("INSERT INTO patient_alias VALUES (?, ?)", [key, key])
    connection.execute("INSERT INTO study (study_key, patient_key) VALUES (?, ?)", [study, key])
    connection.execute("INSERT INTO cohort VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    pixels = {f"{study[:30]}0{place}": clip for place, clip in enumerate(clips)}
    write_study(project.root / artifact_of(key, study), pixels)
    ledger.record(connection, "clips", [Entry(study, "f", str(patient), artifact_of(key, study))])
    for clip in pixels:
        file, link = [clip, project.keyring.pseudonym("folder", "f")], [clip, study]
        connection.execute(
            "INSERT INTO dicom_instance (instance_key, folder_key, status) VALUES (?, ?, 'accepted')", file
        )
        connection.execute(
            "INSERT INTO instance_link (instance_key, study_key, status) VALUES (?, ?, 'accepted')", link
        )


def study_of(project: Project, patient: int) -> tuple[str, str]:
    """The keys of a patient and of the study."""
    return tuple(project.keyring.pseudonym(domain, number_of(patient)) for domain in ("patient", "study"))


def make(project: Project) -> dict[str, str]:
    """Make what is stale; return unit -> when it was committed."""
    fresh = Project(home=project.home)
    assert dg.materialize([asset.clip_embeddings, encoder_models], resources={"project": fresh}).success
    return dict(rows(project, "SELECT unit, committed_at FROM ledger WHERE asset = 'clip_embeddings'"))


def rows(project: Project, sql: str) -> list[tuple]:
    with project.reader() as connection:
        return connection.execute(sql).fetchall()


def left(project: Project) -> tuple[int, int]:
    """How many units are stale, and how many are not named any more."""
    stale, gone, _ = stale_units(Project(home=project.home), CLIP_EMBEDDINGS)
    return len(stale), len(gone)


def test_every_clip_is_encoded_and_a_model_learns_from_what_an_encoder_sees(project: Project) -> None:
    artifacts = dict(rows(project, "SELECT unit, artifact FROM ledger WHERE asset = 'clip_embeddings'"))
    studies = [study_of(project, patient)[1] for patient in range(PATIENTS)]
    assert artifacts.keys() == {f"{name}/{study}" for name in ENCODERS for study in studies}
    for patient, clips in ((0, 0), (7, 2)):
        found = read_embeddings(project.root / artifacts[f"noise/{study_of(project, patient)[1]}"])
        assert [one.shape for one in found.values()] == [(4,)] * clips
    scores = {}
    for name in ENCODERS:
        sql = f"SELECT study_key, fold, logit FROM score WHERE model = 'encoder:{name}'"
        scores[name] = {study: (fold, logit) for study, fold, logit in rows(project, sql)}
        assert scores[name].keys() == {study_of(project, n)[1] for n in range(1, PATIENTS)}, "those with clips"
    found = {name: _area(project, by_study) for name, by_study in scores.items()}
    assert found["flicker"] > 0.75 and found["flat"] == 0.5 and found["noise"] < found["flicker"] - 0.1
    apart = {scores["flicker"][study_of(project, n)[1]][0] for n in range(PATIENTS - 6, PATIENTS)}
    assert apart == {-1}, "patients set apart are scored, and by no fold's model"
    assert left(project) == (0, 0)


def _area(project: Project, scores: dict[str, tuple[int, float]]) -> float:
    """The mean AUC within folds."""
    patients = range(1, PATIENTS - 6)
    found = np.array([scores[study_of(project, patient)[1]] for patient in patients])
    label = LABEL[list(patients)]
    return float(np.mean([auc(label[found[:, 0] == fold], found[found[:, 0] == fold, 1]) for fold in range(3)]))


def test_only_what_changed_is_encoded_again_and_what_is_not_named_any_more_is_forgotten(project: Project) -> None:
    sql = "SELECT unit, committed_at FROM ledger WHERE asset = 'clip_embeddings'"
    first = dict(rows(project, sql))
    assert make(project) == first
    with project.writer() as connection:
        _, study = study_of(project, 9)
        connection.execute("UPDATE ledger SET digest = 'other clips' WHERE unit = ?", [study])
    second = make(project)
    assert {unit for unit in first if second[unit] != first[unit]} == {
        f"{n}/{study}" for n in ("flat", "flicker", "noise")
    }
    flat = project.root / "flat.yaml"
    write_spec(flat, yaml.safe_load(flat.read_text()) | {"input": {**INPUT, "white": 2.0}, "terms": "elsewhere"})
    third = make(project)
    assert {unit.partition("/")[0] for unit in first if third[unit] != second[unit]} == {"flat"}
    _write_settings(project.root, "noise")
    assert left(project) == (0, 2 * PATIENTS)
    assert {unit.partition("/")[0] for unit in make(project)} == {"noise"}
    assert rows(project, "SELECT DISTINCT model FROM score") == [("encoder:noise",)]
    _write_settings(project.root)
    assert make(project) == {} and rows(project, "SELECT * FROM score") == [] and left(project) == (0, 0)


def test_a_damaged_file_is_found_and_made_again_to_the_bit(project: Project) -> None:
    path = project.root / rows(project, "SELECT artifact FROM ledger WHERE unit LIKE 'noise/%' ORDER BY unit")[3][0]
    content = path.read_bytes()
    assert not [one for one in verify(project, lambda done, total: None) if one.asset == "clip_embeddings"]
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (damage,) = [one for one in verify(project, lambda done, total: None) if one.asset == "clip_embeddings"]
    assert project.root / damage.remove == path
    path.unlink()
    make(project)
    assert path.read_bytes() == content


def test_a_trace_leads_from_a_figure_to_the_embeddings_of_its_encoder_and_from_a_study_to_those_of_all(
    project: Project,
) -> None:
    with project.writer() as connection:
        row = ("out_of_fold", "encoder:noise", "all", "auc", 0.5, 0.4, 0.6, 53, 20, "DeLong")
        connection.execute("INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        ledger.record(connection, "evaluation", [Entry("all", "f", "d", None, {})])
    figure = {step.asset: step for step in trace(project, "encoder:noise/auc").steps}
    assert {unit.partition("/")[0] for unit in figure["clip_embeddings"].units} == {"noise"}
    assert len(figure["clip_embeddings"].units) == PATIENTS - 7 and {"clips", "encoder_models"} <= figure.keys()
    assert "view_models" not in figure
    _, study = study_of(project, 3)
    forward = trace(project, study)
    (encoded,) = [step for step in forward.steps if step.asset == "clip_embeddings"]
    assert encoded.units == (f"flat/{study}", f"flicker/{study}", f"noise/{study}")
    assert {"encoder:flat", "encoder:flicker", "encoder:noise"} <= set(forward.models)
    assert trace(project, encoded.files[0]).steps


def test_an_erasure_removes_the_embeddings_of_the_patient_and_keeps_those_of_others(project: Project) -> None:
    _, study = study_of(project, 4)
    before = set((project.root / "embeddings").rglob("*.safetensors"))
    own = {path for path in before if path.stem == study}
    erase(project, plan_erasure(project, number_of(4), lambda done, total: None), lambda done, total: None)
    assert len(own) == 3 and {path for path in before if not path.exists()} == own
    assert not [unit for (unit,) in rows(project, "SELECT unit FROM ledger") if study in unit]
    assert not list((project.root / "models/encoders").glob("*")), "the linear models learnt from the patient"


def test_what_is_wrong_with_an_encoder_is_said_before_a_run_or_by_the_process_that_meets_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = project.root / "noise.yaml"
    content = yaml.safe_load(spec.read_text())
    home = Home(project.root)
    write_spec(spec, content | {"licence": "of somebody"})
    refused = home.here("run")
    assert refused.status == 2 and "the licence of the encoder noise is not accepted (of somebody;" in refused.stderr
    with pytest.raises(UserError, match="is not accepted"):
        CLIP_EMBEDDINGS.prepare(project, ["noise/study"])
    CLIP_EMBEDDINGS.prepare(project, [])
    write_spec(spec, content | {"output": 3})
    monkeypatch.setattr(asset, "embed_in_children", embed_in_children)
    shutil.rmtree(project.root / "embeddings")
    units = [f"noise/{study_of(project, 1)[1]}"]
    with pytest.raises(UserError, match=r"noise gives float32 \(1, 4\), where its spec states float32 \(1, 3\)"):
        CLIP_EMBEDDINGS.work(project, units, SimpleNamespace(log=dg.get_dagster_logger()))
    assert not list(project.root.glob("embeddings/noise/*/*")) and not list(project.root.glob(".tmp_*"))
    write_spec(spec, content)
    (entry,) = CLIP_EMBEDDINGS.work(project, units, SimpleNamespace(log=dg.get_dagster_logger()))
    made = read_embeddings(project.root / str(entry.artifact))
    assert len(made) == 2 and json.loads(json.dumps(vars(entry))) == vars(entry)


@pytest.mark.slow
def test_the_report_shows_a_model_on_embeddings_and_no_path(finished: Home, tmp_path: Path) -> None:
    home = copied(finished, tmp_path / "home")
    file = write_encoder(tmp_path, "noise", RandomProjection(), 4)
    named = ("--set", f"encoders.specs=['{file}']", "--set", f"encoders.accepted_licences=['{LICENCE}']")
    candidate = home.query("SELECT digest FROM ledger WHERE asset = 'champion'")
    home.rerun(*named, "--select", "clip_embeddings,encoder_models,evaluation,report")
    metrics = home.query("SELECT model, metric FROM metric WHERE evaluation IN ('out_of_fold', 'comparison')")
    assert ("encoder:noise", "auc") in metrics
    assert any(metric == "auc_difference" and model.endswith(" vs encoder:noise") for model, metric in metrics)
    page = (home.root / "report/report.html").read_text()
    assert "Encoder: noise" in page and "perhaps learned from these patients" in page and str(tmp_path) not in page
    assert home.query("SELECT digest FROM ledger WHERE asset = 'champion'") == candidate

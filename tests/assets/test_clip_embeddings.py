"""Encoders that the site brings, in a project: what is encoded again, what is judged, and what an erasure removes."""

import json
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
import yaml
from encoder_files import INPUT, LICENCE, Constant, RandomProjection, write_encoder, write_spec
from projects import Home, made_anew

from assets.project import Project
from assets.trace import trace
from assets.training.clip_embeddings import CLIP_EMBEDDINGS
from assets.verify import verify
from echomort.core.errors import UserError
from echomort.encoders.store import read_embeddings
from warehouse import vault

pytestmark = pytest.mark.slow

MADE = "clip_embeddings,encoder_models"


def test_encoders_are_judged_beside_the_models_and_only_what_changed_is_encoded_again(
    project: Home, tmp_path: Path
) -> None:
    files = [write_encoder(tmp_path, "noise", RandomProjection(), 4), write_encoder(tmp_path, "flat", Constant(), 2)]
    named = ("--set", f"encoders.specs={json.dumps([str(file) for file in files])}")
    refused = project.here("run", *named)
    assert refused.status == 2 and "licence of the encoder noise is not accepted (CC BY-NC 4.0;" in refused.stderr
    candidate = project.query("SELECT digest FROM ledger WHERE asset = 'champion'")

    accepted = ("--set", f"encoders.accepted_licences=['{LICENCE}']")
    project.rerun(*named, *accepted, "--select", f"{MADE},evaluation,report")

    made = dict(project.query("SELECT unit, artifact FROM ledger WHERE asset = 'clip_embeddings'"))
    clips = dict(project.query("SELECT study_key, count(*) FROM clip WHERE status = 'accepted' GROUP BY ALL"))
    studies = {study for (study,) in project.query("SELECT unit FROM ledger WHERE asset = 'clips'")}
    assert made.keys() == {f"{encoder}/{study}" for encoder in ("noise", "flat") for study in studies}
    assert all(len(read_embeddings(project.root / made[f"flat/{study}"])) == clips.get(study, 0) for study in studies)
    assert project.query("SELECT digest FROM ledger WHERE asset = 'champion'") == candidate, "nothing new to promote"
    assert not {*MADE.split(","), "evaluation", "report"} & project.stale().keys()
    _is_judged(project, clips.keys(), tmp_path)
    study = next(iter(clips))
    _is_traced(project, study)
    _is_encoded_again_where_it_changed(project, files[1], made, study)
    _is_erased(project, study)

    project.rerun("--set", "encoders.specs=[]", "--select", MADE)
    assert project.query("SELECT count(*) FROM score WHERE model LIKE 'encoder:%'") == [(0,)]
    assert project.query("SELECT count(*) FROM ledger WHERE asset = 'clip_embeddings'") == [(0,)]


def _is_judged(project: Home, with_clips: Collection[str], secret: Path) -> None:
    scored = set(project.query("SELECT study_key, fold FROM score WHERE model = 'encoder:noise'"))
    assert scored == {row for row in project.query("SELECT study_key, fold FROM followed") if row[0] in with_clips}
    metrics = project.query("SELECT model, metric FROM metric WHERE evaluation IN ('out_of_fold', 'comparison')")
    assert {("encoder:noise", "auc"), ("encoder:flat", "auc")} <= {*metrics}
    assert any(metric == "auc_difference" and model.endswith(" vs encoder:noise") for model, metric in metrics)
    page = (project.root / "report/report.html").read_text()
    assert "Encoder: noise" in page and "perhaps learned from these patients" in page and str(secret) not in page


def _is_traced(project: Home, study: str) -> None:
    opened = Project(home=str(project.root))
    figure, forward = trace(opened, "encoder:flat/auc"), trace(opened, study)
    (encoded,) = [step for step in figure.steps if step.asset == "clip_embeddings"]
    assert {unit.partition("/")[0] for unit in encoded.units} == {"flat"}
    assert "encoder_models" in {step.asset for step in figure.steps} and figure.files
    assert "view_models" not in {step.asset for step in figure.steps}
    units = [step.units for step in forward.steps if step.asset == "clip_embeddings"]
    assert units == [(f"flat/{study}", f"noise/{study}")] and "encoder:flat" in forward.models


def _is_encoded_again_where_it_changed(project: Home, spec: Path, made: dict[str, str], study: str) -> None:
    before, opened = project.ledger(), Project(home=str(project.root))
    write_spec(spec, yaml.safe_load(spec.read_text()) | {"input": {**INPUT, "white": 2.0}})
    damaged = project.root / made[f"noise/{study}"]
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (damage,) = verify(opened, lambda done, total: None)
    assert (damage.asset, damage.remove) == ("clip_embeddings", made[f"noise/{study}"])
    damaged.unlink()
    project.rerun("--select", MADE)
    assert damaged.read_bytes() == content, "made again to the bit"
    assert made_anew(before, project.ledger(), "clip_embeddings") == len(made) // 2 + 1
    assert verify(opened, lambda done, total: None) == []


def _is_erased(project: Home, study: str) -> None:
    ((patient,),) = project.query(f"SELECT patient_key FROM study WHERE study_key = '{study}'")
    number = vault.recall(project.root / "vault.duckdb", "patient", [patient])[patient]
    before = set((project.root / "embeddings").rglob("*.safetensors"))
    said = project.here("erase", number)
    assert said.status == 0, said.stderr
    gone = {path for path in before if not path.exists()}
    assert {path for path in before if path.stem == study} <= gone and len(gone) < len(before)
    assert not [unit for _, unit in project.ledger() if study in unit]


def test_an_encoder_that_is_refused_in_a_child_process_stops_the_step_with_its_reason(
    project: Home, tmp_path: Path
) -> None:
    config = project.root / "echomort.yaml"
    specs = [str(write_encoder(tmp_path, "wide", RandomProjection(), 3))]
    encoders = {"specs": specs, "accepted_licences": [LICENCE], "processes": 1}
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"encoders": encoders}))
    opened = Project(home=str(project.root))
    units = sorted(CLIP_EMBEDDINGS.plan(opened, CLIP_EMBEDDINGS.how(opened)))[:2]
    context = SimpleNamespace(log=dg.get_dagster_logger())
    with pytest.raises(UserError, match=r"wide gives float32 \(1, 4\), where its spec states float32 \(1, 3\)"):
        CLIP_EMBEDDINGS.work(opened, units, context)
    assert not list(project.root.glob("embeddings/**/*.safetensors")) and not list(project.root.glob(".tmp_*"))

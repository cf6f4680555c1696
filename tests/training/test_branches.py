"""Trainings of several branches, with the record, and of other models than the nested ones."""

import hashlib
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from sklearn.metrics import roc_auc_score

from echomort.clips.store import artifact_of, write_study
from echomort.core.errors import UserError
from echomort.models.record_columns import RecordColumns
from echomort.models.view_model import ViewModel
from echomort.networks import build_joint_network
from echomort.settings import Training
from echomort.training import Branch, Task, train
from echomort.training.data import index_pictures, read_samples, read_variables
from echomort.training.model import read_inputs, score_inputs, train_model
from echomort.training.pictures import index_file, read_index
from echomort.training.task import Job

GREY = Branch(name="apical_4", shape=(27, 27, 27))
COLOURED = Branch(name="flow", shape=(27, 27, 30), channels=3)
QUICK = Training(
    network="early_fusion",
    optimizer="adam",
    learning_rate=0.01,
    norm_momentum=0.1,
    batch=8,
    max_epochs=1,
    stopping="fixed",
    fold_processes=1,
)


def write_inputs(folder, patients=36, seed=0, told_by="apical_4", strength=90):
    """Write a clip store, its sample table and the variables; ``told_by`` is what tells who died. Every fifth study has
    no flow."""
    generator = np.random.default_rng(seed)
    table, variables = [], []
    for index in range(patients):
        patient, study, label = f"{index:032x}", f"{index + 1000:032x}", int(generator.integers(0, 2))
        clips = {}
        for branch in (GREY, COLOURED):
            pixels = generator.integers(0, 120, branch.stored, dtype=np.uint8)
            pixels[:, :, :13] += np.uint8(strength * label * (told_by == branch.name))
            clips[f"{branch.name}_{index}"] = pixels
        has_flow = index % 5 > 0
        if not has_flow:
            clips.pop(f"flow_{index}")
        path = artifact_of(patient, study)
        write_study(folder / path, clips)
        row = {"clip_key": study, "study_key": study, "patient_key": patient, "fold": index % 4 - 1, "label": label}
        row |= {"path_apical_4": path, "key_apical_4": f"apical_4_{index}"}
        row |= {"path_flow": path if has_flow else None, "key_flow": f"flow_{index}" if has_flow else None}
        table.append(row)
        age = 60 + (20 * label if told_by == "record" else 0) + generator.normal(0, 3)
        variables.append({"study_key": study, "age": age, "heart_rate": None if index % 3 == 0 else 70.0 + index})
    pq.write_table(pa.Table.from_pylist(table), folder / "samples.parquet")
    pq.write_table(pa.Table.from_pylist(variables[::-1]), folder / "variables.parquet")
    return pd.DataFrame(table)


def task_of(folder, with_record=True, branches=(GREY, COLOURED), models="folds", output="model", **changes):
    """Return the task on the inputs in ``folder``."""
    record = {"variables": folder / "variables.parquet", "tabular": {"imputation_rounds": 2}} if with_record else {}
    return Task(
        view="all_views",
        branches=branches,
        samples=folder / "samples.parquet",
        clips=folder,
        output=folder / output,
        training=QUICK.model_copy(update=changes),
        models=models,
        **record,
    )


def trained_here(task, left_out, folder):
    """Train one model in this process; return its record and its job."""
    folder.mkdir(exist_ok=True)
    index_pictures(read_samples(task), task.clips, task.branches, folder)
    job = Job(task=task, left_out=left_out, folder=folder, device="cpu", fingerprint="")
    train_model(job, lambda progress: None)
    name = "all" if not left_out else f"fold_{left_out[0]}"
    return json.loads((folder / f"{name}.json").read_bytes()), job


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    return folder, write_inputs(folder)


def test_each_branch_is_read_from_the_store_with_zeros_where_a_study_has_no_clip(inputs, tmp_path):
    folder, table = inputs
    task = task_of(folder)
    samples = read_samples(task)
    index_pictures(samples, folder, task.branches, tmp_path)
    grey, coloured = (read_index(index_file(tmp_path, position))[np.arange(36)] for position in (0, 1))
    assert (grey.shape, coloured.shape) == ((36, 27, 27, 27), (36, 27, 27, 30, 3))
    has_flow = table["key_flow"].notna().to_numpy()
    assert np.array_equal(samples.present, np.column_stack([np.ones(36, bool), has_flow]))
    assert np.array_equal(coloured.reshape(36, -1).any(axis=1), has_flow)


def test_variables_are_in_the_order_of_the_samples(inputs):
    folder, table = inputs
    names, values = read_variables(folder / "variables.parquet", read_samples(task_of(folder)))
    written = pq.read_table(folder / "variables.parquet").to_pandas().set_index("study_key")
    assert names == ("age", "heart_rate")
    assert np.array_equal(values[:, 0], written.loc[table["study_key"], "age"])
    assert np.array_equal(np.isnan(values[:, 1]), np.arange(36) % 3 == 0)


@pytest.mark.parametrize(
    "table", [{"study_key": ["x"], "age": [1.0]}, {"age": [1.0]}, {"study_key": ["x"], "age": ["old"]}, None]
)
def test_a_table_of_variables_that_lacks_a_study_or_holds_words_is_refused(inputs, tmp_path, table):
    if table is not None:
        pq.write_table(pa.table(table), tmp_path / "variables.parquet")
    with pytest.raises(UserError, match="table of variables"):
        read_variables(tmp_path / "variables.parquet", read_samples(task_of(inputs[0])))


@pytest.mark.parametrize(
    ("change", "models", "reason"),
    [
        ({"path_apical_4": None, "key_apical_4": None, "path_flow": None, "key_flow": None}, "folds", "no clip of any"),
        ({"fold": 0}, "folds", "fewer than 2 folds"),
        ({"fold": 0}, "whole", "no sample is held out"),
        ({"label": 1}, "whole", "same label"),
    ],
)
def test_samples_that_allow_no_honest_training_are_refused(inputs, tmp_path, change, models, reason):
    table = [row | change for row in inputs[1].replace({np.nan: None}).to_dict("records")]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "samples.parquet")
    with pytest.raises(UserError, match=reason):
        read_samples(task_of(tmp_path, models=models))


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"branches": (GREY, GREY)}, "same name"), ({"tabular": None}, "go together"), ({"branches": ()}, "at least 1")],
)
def test_a_task_that_does_not_fit_together_is_refused(inputs, change, reason):
    with pytest.raises(ValueError, match=reason):
        Task(**{**dict(task_of(inputs[0])), **change})


def test_a_network_of_one_kind_of_clip_is_refused_before_any_training(inputs):
    with pytest.raises(UserError, match="early_fusion"):
        train(task_of(inputs[0], network="cnn_3d"), lambda progress: None)


@pytest.mark.slow
@pytest.mark.parametrize("told_by", ["apical_4", "flow", "record"])
def test_what_one_branch_or_the_record_alone_tells_is_learnt(tmp_path, told_by):
    table = write_inputs(tmp_path, patients=64, told_by=told_by)
    task = task_of(tmp_path, models="whole", max_epochs=60 if told_by == "record" else 8)
    if told_by == "record":  # the clips tell nothing, and cost the most
        task = task.model_copy(update={"branches": (GREY, COLOURED)[:1]})
        table.rename(columns={"path_apical_4": "path"}).assign(clip_key=table["key_apical_4"]).to_parquet(task.samples)
        table = table.assign(clip_key=table["key_apical_4"])
    record, _ = trained_here(task, (), tmp_path / "work")
    scored = table[table["clip_key"].isin(record["logits"]) & (table["fold"] == -1)]
    scored = scored[scored["key_flow"].notna()] if told_by == "flow" else scored
    assert roc_auc_score(scored["label"], scored["clip_key"].map(record["logits"])) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("models", ["folds", "whole"])
def test_models_by_fold_or_one_on_all_leave_scores_from_which_nothing_learns(inputs, models):
    folder, table = inputs
    result = train(task_of(folder, models=models, output=f"model_{models}"), lambda progress: None)
    names = ["0", "1", "2"] if models == "folds" else ["all"]
    card = json.loads((result.folder / "model.json").read_bytes())
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in result.folder.iterdir()}
    entries = [*card["weights"].values(), *card["records"].values()]
    assert {entry["file"]: entry["sha256"] for entry in entries} == {
        name: sha256 for name, sha256 in files.items() if name.endswith(".safetensors")
    }
    assert list(card["weights"]) == list(card["records"]) == list(card["clips"]) == names
    assert [branch["name"] for branch in card["branches"]] == ["apical_4", "flow"]
    scores = pd.read_parquet(result.folder / "scores.parquet").set_index("study_key")
    wanted = table if models == "folds" else table[table["fold"] == -1]
    assert sorted(scores.index) == sorted(wanted["study_key"])
    assert scores["logit"].notna().all()
    assert all(len(row) == 0 for row in scores["without"])
    assert result.models == (((0,), (1,), (2,)) if models == "folds" else ((),))
    with pytest.raises(UserError, match="serves no patients"):
        ViewModel.load(result.folder)
    again = train(task_of(folder, models=models, output=f"model_{models}"), lambda progress: None)
    assert (again.trained, again.digest) == ((), result.digest)


@pytest.mark.slow
def test_what_is_stored_scores_a_study_as_the_training_did(inputs, tmp_path):
    folder = inputs[0]
    record, job = trained_here(task_of(folder), (1,), tmp_path)
    samples = read_samples(job.task)
    given, _ = read_inputs(job, samples)
    _, values = read_variables(job.task.variables, samples)
    stored = RecordColumns.of_bytes((tmp_path / "fold_1.variables.safetensors").read_bytes())
    assert np.array_equal(stored.columns(values), given.variables)
    network = build_joint_network("early_fusion", job.task.branches, stored.width)
    network.load_state_dict(safetensors.torch.load((tmp_path / "fold_1.safetensors").read_bytes()))
    rows = samples.scored_rows((1,))
    assert set(samples.fold[rows]) == {-1, 1}
    expected = dict(zip(samples.clip_key[rows], score_inputs(network, given, rows).tolist(), strict=True))
    assert record["logits"] == expected


@pytest.mark.slow
def test_the_columns_of_a_model_know_nothing_of_the_studies_that_it_leaves_out(inputs, tmp_path):
    folder = tmp_path / "changed"
    folder.mkdir()
    table = write_inputs(folder)
    variables = pq.read_table(folder / "variables.parquet").to_pandas()
    outside = set(table.loc[table["fold"].isin([-1, 1]), "study_key"])
    variables.loc[variables["study_key"].isin(outside), "age"] += 25
    variables.to_parquet(folder / "variables.parquet", index=False)
    stored = []
    for place in (inputs[0], folder):
        trained_here(task_of(place), (1,), tmp_path / "work")
        stored.append([(tmp_path / "work" / f"fold_1{end}.safetensors").read_bytes() for end in ("", ".variables")])
    assert stored[0] == stored[1]


@pytest.mark.slow
def test_other_variables_branches_or_models_are_another_training(inputs, tmp_path):
    folder, made = inputs[0], []
    for number, changes in enumerate([{}, {"with_record": False}, {"branches": (GREY, COLOURED)[::-1]}, {"seed": 2}]):
        result = train(task_of(folder, models="whole", output=f"other_{number}", **changes), lambda progress: None)
        made.append(json.loads((result.folder / "model.json").read_bytes())["fingerprint"])
    assert len(set(made)) == 4


@pytest.mark.slow
def test_one_branch_without_records_is_a_views_network_that_serves_like_any_other(inputs, tmp_path):
    table = inputs[1].rename(columns={"path_apical_4": "path"})
    table.assign(clip_key=table["key_apical_4"]).to_parquet(tmp_path / "samples.parquet")
    task = task_of(inputs[0], with_record=False, branches=(GREY,), models="nested").model_copy(
        update={"samples": tmp_path / "samples.parquet", "output": tmp_path / "model"}
    )
    train(task, lambda progress: None)
    model = ViewModel.load(tmp_path / "model")
    assert (model.network, sorted(model.folds)) == ("early_fusion", [0, 1, 2])
    assert np.isfinite(model.score(np.zeros((2, *GREY.shape), np.uint8))).all()

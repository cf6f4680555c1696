"""A training as a person starts it: what it learns, what it leaves, and that it does so whatever interrupts it."""

import hashlib
import io
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.clips.store import artifact_of, read_study, write_study
from echomort.core.child import error_of
from echomort.core.errors import Interruption, UserError
from echomort.evaluation.discrimination import auc
from echomort.models.cross_fit import folds_left_out
from echomort.models.rows import LabelledRows, mean_fold_auc
from echomort.models.view_model import ViewModel, score_clips
from echomort.networks import _kernel
from echomort.networks._averaged import networks_of
from echomort.settings import Training
from echomort.training import Branch, Progress, Task, device, run, train, train_views, worker
from echomort.training.data import read_samples
from echomort.training.device import has_native_bfloat16, resolve_device
from echomort.training.loop import CURVES, area_under_roc
from echomort.training.pool import ONE_THREAD
from echomort.training.task import Job
from echomort.training.worker import is_out_of_memory

SHAPE = (27, 27, 27)
LEFT_OUT = tuple(folds_left_out(range(3)))
TWO_THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
"""Environment of a process that has threads, as one that a person starts does: it may not be forked."""
QUICK = Training(
    optimizer="adam", learning_rate=0.003, norm_momentum=0.1, batch=8, max_epochs=5, stopping="fixed", fold_processes=1
)


def write_inputs(folder, patients=48, seed=0):
    """Write a clip store in which those who died are brighter on the left, and its sample table."""
    generator = np.random.default_rng(seed)
    table = []
    for index in range(patients):
        patient, study, label = f"{index:032x}", f"{index + 1000:032x}", int(index % 3 == 0)
        clips = {}
        for number in range(1 + (index % 7 == 0)):
            pixels = generator.integers(0, 120, SHAPE, dtype=np.uint8)
            pixels[:, :, :13] += np.uint8(60 * label)
            clips[f"{index * 10 + number:032x}"] = pixels
        path = artifact_of(patient, study)
        write_study(folder / path, clips)
        keys = {"study_key": study, "patient_key": patient, "path": path}
        fold = index // 3 % 3 if index < 42 else -1
        table += [{"clip_key": clip, **keys, "fold": fold, "label": label} for clip in clips]
    pq.write_table(pa.Table.from_pylist(table), folder / "samples.parquet")
    return pd.DataFrame(table)


def task_of(folder, output, **changes):
    """Return the task on the inputs in ``folder``."""
    training = QUICK.model_copy(update=changes)
    samples = folder / "samples.parquet"
    branches = (Branch(name="apical_4", shape=SHAPE),)
    return Task(view="apical_4", branches=branches, samples=samples, clips=folder, output=output, training=training)


def contents(folder):
    """Return the SHA-256 of every file."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    return folder, write_inputs(folder)


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    """The task trained by one process."""
    output = tmp_path_factory.mktemp("trained") / "model"
    heard = []
    return train(task_of(inputs[0], output), heard.append), heard


@pytest.mark.slow
def test_a_visible_difference_is_learnt(inputs, trained):
    scores = pd.read_parquet(trained[0].folder / "scores.parquet")
    labels = inputs[1].drop_duplicates("study_key").set_index("study_key")["label"]
    rows = LabelledRows.of(labels[scores["study_key"]], scores["fold"], scores["patient_key"])
    assert mean_fold_auc(scores["logit"].to_numpy(), rows) > 0.95


@pytest.mark.slow
def test_every_epoch_of_every_model_is_reported(trained):
    result, heard = trained
    assert [(p.left_out, p.epoch) for p in heard] == list(itertools.product(LEFT_OUT, range(1, 6)))
    assert all(p.view == "apical_4" and p.epochs == 5 and p.clips_per_second > 0 for p in heard)
    assert heard[4].loss < heard[0].loss
    assert (result.models, result.trained, result.clips) == (LEFT_OUT, LEFT_OUT, 55)


@pytest.mark.slow
def test_a_study_is_scored_once_by_models_that_never_saw_its_patient(inputs, trained):
    folder, table = inputs
    scores = pd.read_parquet(trained[0].folder / "scores.parquet").set_index("study_key")
    assert sorted(scores.index) == sorted(table["study_key"].unique())
    assert scores["kind"].value_counts().to_dict() == {"out_of_fold": 42, "held_out": 6}
    model = ViewModel.load(trained[0].folder)
    for study, fold in [(f"{1045:032x}", -1), (f"{1007:032x}", 2)]:  # 45 held out, 7 has two clips
        path = table.loc[table["study_key"] == study, "path"].iloc[0]
        clips = np.stack(list(read_study(folder / path).values()))
        networks = model.folds if fold == -1 else {fold: model.folds[fold]}
        expected = ViewModel("apical_4", "cnn_3d", SHAPE, networks).score(clips).mean()
        assert scores.loc[study, "fold"] == fold
        assert scores.loc[study, "logit"] == pytest.approx(expected, abs=1e-5)
        learnt = scores.loc[study, "without"]
        assert [np.isnan(value) for value in learnt] == [fold in {-1, other} for other in range(3)]


@pytest.mark.slow
def test_the_card_names_every_file_by_its_digest_and_nothing_is_left_behind(trained):
    folder = trained[0].folder
    card = json.loads((folder / "model.json").read_text())
    digests = contents(folder)
    assert trained[0].digest == digests["model.json"]
    assert card["scores_sha256"] == digests["scores.parquet"]
    assert {entry["file"]: entry["sha256"] for entry in card["weights"].values()} == {
        name: value for name, value in digests.items() if name.endswith(".safetensors")
    }
    assert list(folder.parent.iterdir()) == [folder]
    history = card["history"]["0"]
    assert len(history["loss"]) == len(history["auc"]) == 5 and set(history["validation_auc"]) == {None}
    assert history["auc"][-1] > 0.8, "what it is trained on was learnt"


@pytest.mark.slow
def test_the_card_names_the_kernel_and_another_kernel_trains_anew(inputs, trained, monkeypatch):
    output = trained[0].folder
    card = json.loads((output / "model.json").read_bytes())
    kernel = f"compiled {_kernel.LEVEL}" if _kernel.LEVEL else "torch"
    assert (card["kernel"], card["precision"]) == (kernel, "float32")
    monkeypatch.setattr(_kernel, "LEVEL", None if _kernel.LEVEL else "avx2")
    task = task_of(inputs[0], output)
    parts = run._prepare(task, read_samples(task), "cpu")
    shutil.rmtree(parts.folder)
    assert parts.fingerprint != card["fingerprint"]


@pytest.mark.parametrize(
    ("network", "level", "precision", "bfloat16", "kernel"),
    [
        ("cnn_3d", "avx2", "fast", False, "compiled avx2"),
        ("cnn_3d_gap", "avx2", "exact", False, "compiled avx2"),
        ("cnn_2d_gap", "avx2", "fast", True, "torch"),
        ("cnn_2d_gap", "avx2", "exact", False, "torch"),
        ("cnn_3d", None, "fast", True, "torch"),
        ("cnn_3d", None, "exact", False, "torch"),
    ],
)
def test_fast_is_bfloat16_only_where_no_compiled_kernel_is_faster(
    monkeypatch, network, level, precision, bfloat16, kernel
):
    monkeypatch.setattr(_kernel, "LEVEL", level)
    monkeypatch.setattr(device, "has_native_bfloat16", lambda: True)
    found = resolve_device("cpu", Training(network=network, precision=precision))
    assert (found.bfloat16, found.kernel) == (bfloat16, kernel)


@pytest.mark.slow
def test_a_finished_training_is_not_done_again(inputs, trained):
    before, heard = contents(trained[0].folder), []
    again = train(task_of(inputs[0], trained[0].folder), heard.append)
    assert (again.trained, heard, again.digest) == ((), [], trained[0].digest)
    assert contents(trained[0].folder) == before


@pytest.mark.slow
def test_two_processes_leave_the_same_bytes_as_one(inputs, trained, tmp_path):
    result = train(task_of(inputs[0], tmp_path / "model", fold_processes=2), lambda progress: None)
    assert contents(result.folder) == contents(trained[0].folder)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [ONE_THREAD, TWO_THREADS], ids=["forked", "started anew"])
def test_a_killed_training_leaves_no_process_goes_on_where_it_was_and_ends_in_the_same_bytes(
    inputs, trained, tmp_path, threads
):
    task = task_of(inputs[0], tmp_path / "model")
    task.write(tmp_path / "task.json")
    command = [sys.executable, "-m", "echomort.training", str(tmp_path / "task.json")]
    process = subprocess.Popen(command, env=os.environ | threads, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "without fold 1 epoch 2/" in line:
            break
    children = _children(process.pid)
    anew = [b"echomort.training.worker" in (Path("/proc") / str(one) / "cmdline").read_bytes() for one in children]
    assert anew == [threads is TWO_THREADS]
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while any(map(_is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_is_alive, children))
    assert not (tmp_path / "model").exists()
    assert (tmp_path / "model.partial" / "fold_0.json").is_file()
    result = train(task, lambda progress: None)
    assert result.trained == LEFT_OUT[1:]
    assert contents(result.folder) == contents(trained[0].folder)


@pytest.mark.slow
def test_two_networks_a_fold_are_stored_as_one_and_score_as_their_mean(inputs, tmp_path):
    result = train(task_of(inputs[0], tmp_path / "model", networks=2, max_epochs=2), lambda progress: None)
    model, scores = ViewModel.load(result.folder), pd.read_parquet(result.folder / "scores.parquet")
    assert all(len(networks_of(network)) == 2 for network in model.folds.values())
    one_clip = inputs[1].drop_duplicates("study_key", keep=False)
    clip = one_clip[one_clip["fold"] == 1].iloc[0]
    pixels = read_study(inputs[0] / clip["path"])[clip["clip_key"]]
    stored = scores.set_index("study_key").loc[clip["study_key"], "logit"]
    assert score_clips(model.folds[1], pixels[None]) == pytest.approx(stored, abs=1e-5)


@pytest.mark.slow
def test_patience_stops_early_and_keeps_the_best_weights(inputs, tmp_path):
    task = task_of(
        inputs[0], tmp_path / "model", stopping="patience", patience=2, max_epochs=12, validation_fraction=0.3
    )
    result = train(task, lambda progress: None)
    card = json.loads((result.folder / "model.json").read_text())
    for history in card["history"].values():
        losses = history["validation_loss"]
        assert len(losses) == len(history["loss"])
        assert len(losses) == 12 or int(np.argmin(losses)) == len(losses) - 4  # the third epoch without a lower loss


@pytest.mark.slow
@pytest.mark.parametrize("network", ["cnn_2d_lstm", "cnn_3d_gap"])
def test_the_methods_recipe_trains_its_other_networks(inputs, tmp_path, network):
    changes = {"optimizer": "by_network", "learning_rate": None, "stopping": "patience", "batch": 32}
    task = task_of(
        inputs[0], tmp_path / "model", network=network, validation_classes="balanced", max_epochs=2, **changes
    )
    card = json.loads((train(task, lambda progress: None).folder / "model.json").read_text())
    values = [value for history in card["history"].values() for name in CURVES for value in history[name]]
    assert len(values) == 3 * 2 * 4
    assert np.isfinite(values).all()


@pytest.mark.slow
def test_a_diverging_loss_is_one_line_with_its_remedy_and_leaves_no_model(inputs, tmp_path, monkeypatch, capfd):
    from echomort.training import __main__ as command

    task = task_of(inputs[0], tmp_path / "model", learning_rate=1.0, optimizer="rmsprop")
    weights = tmp_path / "poison"
    weights.mkdir()
    (weights / "sitecustomize.py").write_text(
        "import torch\nfrom torch.nn import functional\n"
        "plain = functional.binary_cross_entropy_with_logits\n"
        "functional.binary_cross_entropy_with_logits = lambda *a, **k: plain(*a, **k) * float('inf')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(weights), prepend=os.pathsep)
    task.write(tmp_path / "task.json")
    assert command.main([str(tmp_path / "task.json")]) == 2
    error = capfd.readouterr().err
    assert "training.learning_rate" in error
    assert "Traceback" not in error
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_a_process_that_dies_is_reported_with_what_to_do(inputs, tmp_path):
    def kill_children(progress: Progress) -> None:
        for child in _children(os.getpid()):
            os.kill(child, signal.SIGKILL)

    with pytest.raises(UserError, match="fold_processes"):
        train(task_of(inputs[0], tmp_path / "model", max_epochs=200), kill_children)
    assert not (tmp_path / "model").exists()


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=30))
def test_the_area_of_a_curve_is_that_of_the_evaluation(pairs):
    labels, scores = (np.array(values, float) for values in zip(*pairs, strict=True))
    assert area_under_roc(labels, scores) == pytest.approx(auc(labels, scores), nan_ok=True)


def test_a_task_is_read_as_it_was_written(tmp_path):
    task = task_of(tmp_path, tmp_path / "model")
    task.write(tmp_path / "task.json")
    assert Task.read(tmp_path / "task.json") == task


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "does not exist"), ("{", "not a training task"), ("{}", "view")]
)
def test_a_file_that_is_no_task_is_refused(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "task.json").write_text(content)
    with pytest.raises(UserError, match=reason):
        Task.read(tmp_path / "task.json")


@pytest.mark.slow
def test_one_cycle_warms_up_and_falls_to_nothing():
    from echomort.training.loop import one_cycle

    shares = [one_cycle(step / 1000) for step in range(1000)]
    assert shares[0] == pytest.approx(0.1)
    assert int(np.argmax(shares)) == 100
    assert max(shares) == pytest.approx(1)
    assert shares[-1] < 1e-5
    assert math.isclose(one_cycle(0.55), 0.5)


@pytest.mark.parametrize(("flags", "native"), [("fpu avx512_bf16 amx_tile", True), ("fpu avx512f avx2", False)])
def test_bfloat16_is_native_only_where_the_processor_says_so(tmp_path, flags, native):
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: {flags}\n")
    assert has_native_bfloat16(tmp_path / "cpuinfo") is native
    assert has_native_bfloat16(tmp_path / "absent") is False


def _children(parent):
    workers = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            own = int(_stat(int(folder.name))[1]) == parent
            if own and b"echomort.training" in (folder / "cmdline").read_bytes():
                workers.append(int(folder.name))
    return workers


def _is_alive(process):
    with suppress(OSError):
        return _stat(process)[0] != "Z"
    return False


def _stat(process):
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()


@pytest.mark.slow
def test_a_view_that_can_not_be_trained_or_whose_process_dies_ends_alone(inputs, tmp_path, monkeypatch):
    """The clips of the first have another shape, the loss of the second (without class weights) is no number, the third
    loses its process; the fourth is trained."""
    poison = tmp_path / "poison"
    poison.mkdir()
    (poison / "sitecustomize.py").write_text(
        "import torch\nfrom torch.nn import functional\n"
        "plain = functional.binary_cross_entropy_with_logits\n"
        "def poisoned(logits, labels, weights, **more):\n"
        "    return plain(logits, labels, weights, **more) * (float('inf') if (weights == 1).all() else 1)\n"
        "functional.binary_cross_entropy_with_logits = poisoned\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(poison), prepend=os.pathsep)
    changes = {"other": {}, "diverging": {"class_weights": False}, "killed": {}, "fine": {}}
    tasks = [
        task_of(inputs[0], tmp_path / name, max_epochs=1, **more).model_copy(update={"view": name, "models": "folds"})
        for name, more in changes.items()
    ]
    other_shape = Branch(name="other", shape=(27, 27, 28))
    tasks[0] = tasks[0].model_copy(update={"branches": (other_shape,)})

    def kill_its_process(progress: Progress) -> None:
        if progress.view == "killed":
            for child in _children(os.getpid()):
                os.kill(child, signal.SIGKILL)

    other, diverging, killed, fine = train_views(tasks, kill_its_process)
    assert "27x27x27 uint8, not 27x27x28" in str(other) and not isinstance(other, Interruption)
    assert "no longer a number" in str(diverging) and not isinstance(diverging, Interruption)
    assert isinstance(killed, Interruption) and "ended early" in str(killed)
    assert fine.models == fine.trained == ((0,), (1,), (2,))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"poison", "killed.partial", "fine"}, "what another try goes on with, and the models"


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_a_full_memory_is_told_from_other_errors(error, full):
    assert is_out_of_memory(error) is full


def test_a_full_memory_is_a_reason_that_another_try_may_not_meet(inputs, tmp_path, monkeypatch):
    def fill(*_):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(worker, "train_model", fill)
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)
    said = io.StringIO()
    task = task_of(inputs[0], tmp_path / "model")
    worker.serve(Job(task=task, left_out=(0,), folder=tmp_path, device="cpu", fingerprint=""), said)
    error = error_of(json.loads(said.getvalue()))
    assert isinstance(error, Interruption) and "lower training.batch" in str(error) and "apical_4" in str(error)

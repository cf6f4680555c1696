"""A training that is interrupted goes on at its last whole epoch and ends in the same bytes."""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from echomort.clips.store import artifact_of, write_study
from echomort.settings import Training
from echomort.training import Branch, Task, run
from echomort.training.checkpoint import Checkpoint, State
from echomort.training.data import read_samples
from echomort.training.model import checkpoint_of, train_model

SHAPE = (27, 27, 27)
KILLS = int(os.environ.get("ECHOMORT_KILLS", "3"))
"""How often a training is killed: ``ECHOMORT_KILLS=20 pytest tests/training/test_checkpoint.py -k kills``."""


class Interrupted(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A clip store and its table of samples: 24 patients in three folds."""
    folder, generator, table = tmp_path_factory.mktemp("store"), np.random.default_rng(1), []
    for index in range(24):
        patient, study, clip = f"{index:032x}", f"{index + 100:032x}", f"{index + 200:032x}"
        label = int(index % 4 == 0)
        pixels = generator.integers(0, 120 + 60 * label, SHAPE, dtype=np.uint8)
        write_study(folder / artifact_of(patient, study), {clip: pixels})
        row = {"clip_key": clip, "study_key": study, "patient_key": patient, "path": artifact_of(patient, study)}
        table.append(row | {"fold": index % 3, "label": label})
    pq.write_table(pa.Table.from_pylist(table), folder / "samples.parquet")
    return folder


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def task_of(store, output, **changes):
    """Return a task of quick models."""
    quick = {"network": "cnn_2d_gap", "batch": 8, "max_epochs": 3, "stopping": "fixed", "fold_processes": 1}
    training = Training(**(quick | changes))
    branches = (Branch(name="apical_4", shape=SHAPE),)
    samples = store / "samples.parquet"
    return Task(view="a4c", branches=branches, samples=samples, clips=store, output=output, training=training)


def first_job(task):
    """Return the first job of ``task``, ready to be trained in this process."""
    return run._prepare(task, read_samples(task), "cpu").missing[0]


def train_until(job, epoch):
    """Train ``job``, interrupted after ``epoch`` epochs."""

    def report(progress):
        if progress.epoch == epoch:
            raise Interrupted

    with pytest.raises(Interrupted):
        train_model(job, report)


def heard_of(job):
    """Train ``job`` to its end; return the epochs that were trained."""
    heard = []
    train_model(job, lambda progress: heard.append(progress.epoch))
    return heard


def weights(job):
    """Return the bytes of the weights of ``job``."""
    return (job.folder / "fold_0.safetensors").read_bytes()


RECIPES = [
    {"optimizer": "adagrad"},
    {"optimizer": "rmsprop", "schedule": "one_cycle"},
    {"optimizer": "adam", "stopping": "patience", "patience": 1, "max_epochs": 4, "validation_fraction": 0.3},
    {"network": "cnn_3d", "optimizer": "adam", "schedule": "one_cycle", "class_weights": False},
    {"network": "cnn_2d_lstm"},
]


@pytest.mark.parametrize("changes", RECIPES, ids=lambda changes: "-".join(map(str, changes.values())))
def test_a_model_interrupted_after_an_epoch_goes_on_there_and_ends_in_the_same_bytes(store, tmp_path, changes):
    whole = first_job(task_of(store, tmp_path / "whole", **changes))
    epochs = heard_of(whole)
    for stop in (1, len(epochs)):
        job = first_job(task_of(store, tmp_path / f"stopped_{stop}", **changes))
        train_until(job, stop)
        assert checkpoint_of(job).file.exists()
        assert heard_of(job) == epochs[stop:], "no epoch is trained twice"
        assert weights(job) == weights(whole)
        assert not checkpoint_of(job).file.exists()


def test_a_checkpoint_of_anything_else_is_not_resumed(store, tmp_path, monkeypatch):
    job = first_job(task_of(store, tmp_path / "model"))
    train_until(job, 2)
    checkpoint, content = checkpoint_of(job), checkpoint_of(job).file.read_bytes()
    assert checkpoint.read() is not None
    assert replace(checkpoint, made_from="another").read() is None
    assert checkpoint_of(job.model_copy(update={"fingerprint": "other data"})).read() is None
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another instruction set")
    assert checkpoint_of(job).read() is None
    monkeypatch.undo()
    for place in (len(content) // 3, len(content) - 9):
        damaged = bytearray(content)
        damaged[place] ^= 4
        checkpoint.file.write_bytes(damaged)
        assert checkpoint.read() is None, "damaged"
    checkpoint.file.write_bytes(content[:-5])
    assert checkpoint.read() is None, "cut off"
    assert heard_of(job) == [1, 2, 3]


def test_what_is_written_is_read_and_nothing_in_it_is_pickled(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", "made from")
    assert checkpoint.read() is None
    state = State({"a.b": torch.arange(6.0).reshape(2, 3).T, "a.c": torch.tensor(3)}, {"lowest": float("inf")})
    checkpoint.write(state)
    found = checkpoint.read()
    assert found.facts == state.facts
    assert sorted(found.part("a")) == ["b", "c"] and torch.equal(found.part("a")["b"], state.tensors["a.b"])
    assert b"pickle" not in checkpoint.file.read_bytes() and checkpoint.file.read_bytes()[8:9] == b"{"


def test_kills_at_random_moments_end_in_the_unbroken_bytes(store, tmp_path):
    draw, unbroken, killed = random.Random(1), tmp_path / "unbroken", tmp_path / "killed"
    started = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(start(store, unbroken), 0)[1]) == 0
    seconds = time.monotonic() - started
    for _ in range(KILLS):
        process = start(store, killed)
        time.sleep(draw.uniform(0, seconds / 2))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(os.waitpid(start(store, killed), 0)[1]) == 0
    results = [
        {file.name: file.read_bytes() for file in run.partial_folder(output).glob("fold*")}
        for output in (unbroken, killed)
    ]
    assert len(results[0]) == 6 and results[0] == results[1]


def start(store, output):
    """Start a process that trains the models of ``output`` that are missing; return its number. It is forked, so that
    nothing is imported again."""
    process = os.fork()
    if process == 0:
        with suppress(BaseException):
            task = task_of(store, output, max_epochs=6).model_copy(update={"models": "folds"})
            for job in run._prepare(task, read_samples(task), "cpu").missing:
                train_model(job, lambda progress: None)
            os._exit(0)
        os._exit(1)
    return process

"""Training of whole tasks: check the clips, train the models in parallel, write the model folder."""

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from echomort.core.child import leave_error
from echomort.core.code import Code
from echomort.core.errors import HomeError, Interruption, UserError
from echomort.core.files import atomic_folder
from echomort.core.fingerprint import digest, digest_file
from echomort.core.registry import code_of_packages
from echomort.models.cross_fit import CrossFit, LeftOut, Models, left_out_name
from echomort.models.rows import HELD_OUT
from echomort.networks import NETWORKS, check_branches, own_settings
from echomort.training.data import Samples, index_pictures, read_samples, read_variables
from echomort.training.device import resolve_device
from echomort.training.pool import Event, Pool
from echomort.training.task import Job, Progress, Task, TrainingResult, error_file

NOT_DECIDING = {"fold_processes", "min_clips", "min_deaths", "views"}
"""Training settings that do not change the result of training one view."""


def train(task: Task, report: Callable[[Progress], None]) -> TrainingResult:
    """Train the models of one view and write ``task.output`` whole: fold_<k>.safetensors, model.json and scores.parquet
    (study_key, patient_key, fold, kind 'out_of_fold' | 'held_out', logit and ``without``, both as in
    :class:`echomort.models.cross_fit.CrossFit`).

    One model leaves out each fold; these are kept. One leaves out each pair of folds, only for the scores from which
    others learn; these are not kept. Where ``task.models`` asks for no pairs, ``without`` is an empty list. One model
    on all folds is kept as all.safetensors, and there are scores of the held-out studies only.

    Beside the weights of a model that takes variables lies <weights>.variables.safetensors, which prepares them
    (:class:`echomort.models.record_columns.RecordColumns`).

    ``report`` is called after every epoch, in this thread. A run that was killed continues with its unfinished models
    and gives the same bytes; so do one and several processes. Raises :class:`UserError`.
    """
    (outcome,) = train_views([task], report)
    if isinstance(outcome, UserError):
        raise outcome
    return outcome


Outcome: TypeAlias = TrainingResult | UserError
"""What became of a task: its result, or the reason why it has no models."""


def forked_pool(tasks: Iterable[Task]) -> Pool:
    """Return a pool for calls of :func:`train_files` with some of ``tasks`` each, forked from this process, which does
    nothing else (:class:`echomort.training.pool.Pool`)."""
    return Pool(max(task.training.fold_processes for task in tasks), forks=True)


def train_views(tasks: Sequence[Task], report: Callable[[Progress], None], pool: Pool | None = None) -> list[Outcome]:
    """Train several views as :func:`train` does, with one pool of processes, so that no core is idle between views.

    The output of a view is written when its last model is trained. A view that can't be trained has its error as
    outcome, an :class:`Interruption` where another try may not meet it, and the others go on. An error that all would
    meet (:class:`HomeError`) is raised. ``pool``: processes that are kept for another call (None: own ones).
    """
    own = Pool(max(task.training.fold_processes for task in tasks)) if pool is None else contextlib.nullcontext(pool)
    with own as workers:
        training = _Trainings(tasks, report)
        models = sum(len(samples.left_out) for samples in training.samples.values())
        if models:
            workers.start(at_most=models)
            training.prepare(workers.device)
            for event in workers.run(training.jobs):
                training.take(event)
    training.clean()
    return [training.outcomes[number] for number in range(len(tasks))]


def train_files(files: Sequence[Path], report: Callable[[Progress], None], pool: Pool | None = None) -> list[Outcome]:
    """Train the views of the task files as :func:`train_views` does; leave the error of a view that can't be trained in
    its :func:`error_file`, and an error that all would meet in the first of these."""
    try:
        outcomes = train_views([Task.read(file) for file in files], report, pool)
    except UserError as error:
        leave_error(error, error_file(files[0]))
        raise
    for file, outcome in zip(files, outcomes, strict=True):
        if isinstance(outcome, UserError):
            leave_error(outcome, error_file(file))
    return outcomes


T = TypeVar("T")


class _Trainings:
    """Several tasks in progress. Each ends alone, with its result or its error."""

    def __init__(self, tasks: Sequence[Task], report: Callable[[Progress], None]) -> None:
        self.tasks, self.report = tasks, report
        self.started = time.monotonic()
        self.outcomes: dict[int, Outcome] = {}
        self.samples: dict[int, Samples] = {}
        self.parts: dict[int, _TaskInProgress] = {}
        for number, task in enumerate(tasks):
            self._attempt(number, self.samples, partial(_checked_samples, task))

    def _attempt(self, number: int, found: dict[int, T], work: Callable[[], T]) -> None:
        """Put what ``work`` returns for a task into ``found``, or its error among the outcomes."""
        try:
            found[number] = work()
        except HomeError:
            raise
        except UserError as error:
            self.outcomes[number] = error

    def clean(self) -> None:
        """Remove what tasks without models left, unless another try can go on with it. No process works any more."""
        for number, outcome in self.outcomes.items():
            if isinstance(outcome, UserError) and not isinstance(outcome, Interruption):
                shutil.rmtree(partial_folder(self.tasks[number].output), ignore_errors=True)

    def prepare(self, device: str) -> None:
        """Find the models that are missing. Tasks that lack none are written at once."""
        for number, samples in self.samples.items():
            self._attempt(number, self.parts, partial(_prepare, self.tasks[number], samples, device))
        for number in self.parts:
            self._write_if_whole(number)

    @property
    def jobs(self) -> list[Job]:
        """The models that are missing, of all tasks."""
        return [job for part in self.parts.values() for job in part.missing]

    def take(self, event: Event) -> None:
        """Take notice of an epoch, or of a model's end."""
        if isinstance(event, Progress):
            self.report(event)
            return
        number = next(number for number, part in self.parts.items() if part.folder == event.job.folder)
        if event.error is None:
            self.parts[number].trained.add(event.job.left_out)
            self._write_if_whole(number)
        else:
            self.outcomes.setdefault(number, event.error)

    def _write_if_whole(self, number: int) -> None:
        part = self.parts[number]
        if number not in self.outcomes and len(part.trained) == len(part.missing):
            self.outcomes[number] = _assemble(part, time.monotonic() - self.started)


def _checked_samples(task: Task) -> Samples:
    check_branches(task.training.network, task.branches, task.variables is not None)
    _network_settings(task)
    return read_samples(task)


@dataclass(frozen=True)
class _TaskInProgress:
    """A task in progress: ``folder`` holds finished models and checkpoints until the output is written."""

    task: Task
    samples: Samples
    folder: Path
    precision: str
    kernel: str
    fingerprint: str
    missing: list[Job]
    trained: set[LeftOut] = field(default_factory=set)
    """The models of ``missing`` that are trained by now."""


def partial_folder(output: Path) -> Path:
    """Return the folder that holds the index of the clips, the finished models and the checkpoints of the training into
    ``output`` until it ends."""
    return output.with_name(f"{output.name}.partial")


def _prepare(task: Task, samples: Samples, device: str) -> _TaskInProgress:
    folder = partial_folder(task.output)
    folder.mkdir(parents=True, exist_ok=True)
    clips = index_pictures(samples, task.clips, task.branches, folder)
    resolved = resolve_device(device, task.training)
    precision = "bfloat16" if resolved.bfloat16 else "float32"
    fingerprint = digest(
        [task.view, task.models, [branch.model_dump(mode="json") for branch in task.branches]],
        task.training.model_dump(mode="json", exclude=NOT_DECIDING),
        {name: getattr(samples, name).tolist() for name in ("clip_key", "study_key", "patient_key", "fold", "label")},
        [clips, samples.present.tolist(), device.partition(":")[0], precision, resolved.kernel, version("torch")],
        _record(task, samples),
        _code(task.training.network),
    )
    is_complete = _is_complete(task.output, fingerprint)
    jobs = [
        Job(task=task, left_out=left_out, folder=folder, device=device, fingerprint=fingerprint)
        for left_out in samples.left_out
        if not is_complete and not _is_finished(folder, left_out, fingerprint)
    ]
    return _TaskInProgress(task, samples, folder, precision, resolved.kernel, fingerprint, jobs)


def _record(task: Task, samples: Samples) -> list[Any]:
    """Return what decides the columns that the network gets of the record: nothing where it takes none."""
    if task.variables is None:
        return []
    names, values = read_variables(task.variables, samples)
    return [names, hashlib.sha256(values.tobytes()).hexdigest(), task.tabular, version("scikit-learn")]


def _code(network: str) -> dict[str, str]:
    """Return the digests of the code that trains a model of ``network``, without that of other networks."""
    chosen = {NETWORKS.folder: [network]}
    reached = Code().reached([("echomort.training.model", None)], chosen)
    return dict(reached.parts) | code_of_packages(NETWORKS.folder, [network])


def _network_settings(task: Task) -> dict[str, Any]:
    """Return the settings of the task's network as JSON values, with its defaults, which a later version may change."""
    return own_settings(task.training.network, task.training.network_settings).model_dump(mode="json")


def _is_finished(folder: Path, left_out: LeftOut, fingerprint: str) -> bool:
    record = folder / f"{left_out_name(left_out)}.json"
    if not record.is_file():
        return False
    content = json.loads(record.read_bytes())
    return bool(content["fingerprint"] == fingerprint) and _are_there(folder, content["files"])


def _are_there(folder: Path, files: Mapping[str, str]) -> bool:
    """Return whether ``folder`` has ``files``, each with its SHA-256."""
    return all((folder / name).is_file() and digest_file(folder / name) == sha256 for name, sha256 in files.items())


def _is_complete(output: Path, fingerprint: str) -> bool:
    """Return whether ``output`` is complete and was made from the same inputs (``fingerprint``)."""
    if not (output / "model.json").is_file():
        return False
    card = json.loads((output / "model.json").read_bytes())
    entries = [*card["weights"].values(), *card.get("records", {}).values()]
    files = {entry["file"]: entry["sha256"] for entry in entries} | {"scores.parquet": card["scores_sha256"]}
    return bool(card["fingerprint"] == fingerprint) and _are_there(output, files)


def _assemble(parts: _TaskInProgress, seconds: float) -> TrainingResult:
    if not _is_complete(parts.task.output, parts.fingerprint):
        _write_output(parts)
    shutil.rmtree(parts.folder)
    return TrainingResult(
        folder=parts.task.output,
        view=parts.task.view,
        clips=len(parts.samples),
        models=tuple(parts.samples.left_out),
        trained=tuple(job.left_out for job in parts.missing),
        seconds=seconds,
        digest=digest_file(parts.task.output / "model.json"),
    )


def _write_output(parts: _TaskInProgress) -> None:
    records = {
        left_out: json.loads((parts.folder / f"{left_out_name(left_out)}.json").read_bytes())
        for left_out in parts.samples.left_out
    }
    scores = _table_bytes(study_scores(parts.samples, {key: record["logits"] for key, record in records.items()}))
    kept = {left_out: record for left_out, record in records.items() if len(left_out) < 2}
    card = json.dumps(_card(parts, kept, hashlib.sha256(scores).hexdigest()), indent=1).encode() + b"\n"
    with atomic_folder(parts.task.output) as folder:
        for name in (name for record in kept.values() for name in record["files"]):
            shutil.copyfile(parts.folder / name, folder / name)
        (folder / "scores.parquet").write_bytes(scores)
        (folder / "model.json").write_bytes(card)


def _card(parts: _TaskInProgress, records: dict[LeftOut, dict[str, Any]], scores: str) -> dict[str, Any]:
    """Return the model card, which does not depend on the duration of training or the number of processes; ``records``
    are those of the models that are kept, by the fold left out.

    The card of a network that takes more than one kind of grey clip has two keys more: ``branches`` and ``records``.
    """
    task, samples = parts.task, parts.samples
    card = {
        "view": task.view,
        "network": task.training.network,
        "network_settings": _network_settings(task),
        "shape": list(task.shape),
        "weights": _files(records, ".safetensors"),
        "scores_sha256": scores,
        "fingerprint": parts.fingerprint,
        "precision": parts.precision,
        "kernel": parts.kernel,
        "torch": version("torch"),
        "training": task.training.model_dump(mode="json", exclude=NOT_DECIDING),
        "clips": {
            _key(left_out): {"training": len(rows), "died": int(samples.label[rows].sum())}
            for left_out in records
            for rows in [samples.training_rows(left_out)]
        },
        "history": {_key(left_out): record["history"] for left_out, record in records.items()},
    }
    if task.is_plain:
        return card
    branches = [branch.model_dump(mode="json") for branch in task.branches]
    return card | {"branches": branches, "records": _files(records, ".variables.safetensors")}


def _files(records: dict[LeftOut, dict[str, Any]], suffix: str) -> dict[str, dict[str, str]]:
    """Return the fold left out -> the file of that model whose name is its own with ``suffix``, and its SHA-256."""
    named = {left_out: f"{left_out_name(left_out)}{suffix}" for left_out in records}
    return {
        _key(left_out): {"file": name, "sha256": records[left_out]["files"][name]}
        for left_out, name in named.items()
        if name in records[left_out]["files"]
    }


def _key(left_out: LeftOut) -> str:
    """Return the key, in the card, of a model that is kept: the fold that it leaves out, or all."""
    return str(left_out[0]) if left_out else left_out_name(left_out)


def study_scores(samples: Samples, logits: Mapping[LeftOut, Mapping[str, float]]) -> pa.Table:
    """Return one row a study: study_key, patient_key, fold, kind, logit, without.

    ``logits`` maps the folds left out to the logit that the model gave to every sample that it scored. A study's logit
    is the mean over its samples of each model's. Of one model on all folds, only held-out studies have a row.
    """
    studies, first, place = np.unique(samples.study_key.astype(str), return_index=True, return_inverse=True)
    counts = np.bincount(place)
    by_model: dict[LeftOut, np.ndarray] = {}
    for left_out, scored in logits.items():
        values = np.array([scored.get(key, np.nan) for key in samples.clip_key])
        by_model[left_out] = np.bincount(place, values) / counts
    folds = samples.fold[first]
    scores = CrossFit.of_models(folds, by_model)
    table = pa.table(
        {
            "study_key": studies.tolist(),
            "patient_key": samples.patient_key[first].tolist(),
            "fold": pa.array(folds, pa.int64()),
            "kind": ["held_out" if fold == HELD_OUT else "out_of_fold" for fold in folds],
            "logit": scores.logits,
            "without": pa.array(_learnable(scores, samples.models), pa.list_(pa.float64())),
        }
    )
    return table.filter(pc.equal(table["fold"], HELD_OUT)) if samples.models == "whole" else table


def _learnable(scores: CrossFit, models: Models) -> list[list[float]]:
    """Return what others may learn from, a list a study: empty without the models of pairs of folds."""
    return [row if models == "nested" else [] for row in scores.without.tolist()]


def _table_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())

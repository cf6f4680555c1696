"""One model: train it on the folds that it does not leave out, score the other samples, write its files."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from echomort.core.errors import UserError
from echomort.core.files import write_bytes, write_text
from echomort.core.fingerprint import digest
from echomort.models.cross_fit import LeftOut, left_out_name
from echomort.models.view_model import save_network, score_rows
from echomort.networks import NETWORKS, build_joint_network
from echomort.settings import Training
from echomort.training.augmentation import Augmentation
from echomort.training.batches import Batches, Inputs
from echomort.training.bfloat16 import require_true_bfloat16
from echomort.training.checkpoint import Checkpoint, hardware
from echomort.training.data import (
    Samples,
    class_weights,
    read_samples,
    read_variables,
    split_validation,
)
from echomort.training.device import resolve_device
from echomort.training.loop import CURVES, DIVERGED, Epoch, fit
from echomort.training.pictures import index_file, read_index
from echomort.training.task import Job, Progress, Task


def train_model(job: Job, report: Callable[[Progress], None]) -> None:
    """Train the model that leaves out the folds of ``job`` and write its weights, what prepares its variables if it has
    any, then its record with its scores, each atomically.

    The result depends only on the task, its samples, its clips, its variables and the folds left out, not on what the
    process trained before.
    """
    task, settings = job.task, job.task.training
    samples = read_samples(task)
    inputs, prepared = read_inputs(job, samples)
    device = resolve_device(job.device, settings)
    seed = int(digest("fold", task.view, settings.seed, *job.left_out)[:8], 16)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # float32 is float32
    if device.bfloat16:
        require_true_bfloat16(device.name)
    columns = 0 if inputs.variables is None else inputs.variables.shape[1]
    network = build_joint_network(
        settings.network,
        task.branches,
        columns,
        norm_momentum=settings.norm_momentum,
        settings=settings.network_settings,
        dropout=settings.dropout,
        networks=settings.networks,
    ).to(device.name)
    loaders = _loaders(task, samples, inputs, job.left_out, seed)
    checkpoint = checkpoint_of(job)
    epochs = fit(network, settings, loaders, device, _listener(task, job.left_out, report), checkpoint=checkpoint)
    rows = samples.scored_rows(job.left_out)
    logits = score_inputs(network, inputs, rows)
    if not np.isfinite(logits).all():
        raise UserError("the model gives scores that are not finite numbers", DIVERGED)
    _write(job, network, prepared, epochs, dict(zip(samples.clip_key[rows], map(float, logits), strict=True)))
    checkpoint.remove()


def checkpoint_of(job: Job) -> Checkpoint:
    """Return where the state of ``job`` after its last whole epoch is kept until it is done. It is read again only for
    the same data, settings, code, instruction set and device."""
    made_from = digest(job.fingerprint, job.left_out, hardware(job.device))
    return Checkpoint(job.folder / f"{left_out_name(job.left_out)}.epoch", made_from)


def read_inputs(job: Job, samples: Samples) -> tuple[Inputs, bytes | None]:
    """Return what the network of ``job`` is given of ``samples``, and what prepares its variables (None: it has none).

    The variables are prepared by what is stored, so that who reads it later gets the same columns.
    """
    task = job.task
    count = len(task.branches)
    pictures = [read_index(index_file(job.folder, position)) for position in range(count)]
    if task.variables is None:
        return Inputs(pictures, samples.present if count > 1 else None), None
    names, matrix = read_variables(task.variables, samples)
    fit_records = NETWORKS.get(task.training.network).records
    assert fit_records is not None and task.tabular is not None
    studies, first, place = np.unique(samples.study_key.astype(str), return_index=True, return_inverse=True)
    training = np.isin(np.arange(len(studies)), place[samples.training_rows(job.left_out)])
    records = fit_records(matrix[first], names, training, task.tabular)
    return Inputs(pictures, samples.present, records.columns(matrix)), records.to_bytes()


def score_inputs(network: nn.Module, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Return the logits, float64 (n,), that ``network`` gives to ``rows`` (n,) of ``inputs``, in float32."""
    voxels = sum(int(np.prod(picture.shape[1:])) for picture in inputs.pictures)
    return score_rows(network, rows, voxels, lambda part, device: inputs.at(part).to(device).logits(network))


def _loaders(
    task: Task, samples: Samples, inputs: Inputs, left_out: LeftOut, seed: int
) -> tuple[Batches, Batches | None]:
    settings = task.training
    rows = samples.training_rows(left_out)
    augmentation = Augmentation(settings.shift, settings.random_start)

    def training(rows: np.ndarray) -> Batches:
        weights = _weights(samples, rows, settings)
        return Batches(inputs, samples.label, weights, rows, settings.batch, seed, augmentation)

    if settings.stopping == "fixed":
        return training(rows), None
    split = split_validation(samples, rows, settings.validation_fraction, seed, settings.validation_classes)
    # Keras gives no class weights to the validation loss; a proportional set needs them, to count both outcomes alike.
    is_balanced = settings.validation_classes == "balanced"
    weights = (1.0, 1.0) if is_balanced else _weights(samples, split[1], settings)
    return training(split[0]), Batches(inputs, samples.label, weights, split[1], settings.batch)


def _weights(samples: Samples, rows: np.ndarray, settings: Training) -> tuple[float, float]:
    """Return the weights of both labels in the loss of ``rows``."""
    return class_weights(samples.label[rows]) if settings.class_weights else (1.0, 1.0)


def _listener(task: Task, left_out: LeftOut, report: Callable[[Progress], None]) -> Callable[[int, Epoch], None]:
    def listen(epoch: int, record: Epoch) -> None:
        report(
            Progress(
                task.view,
                left_out,
                epoch,
                task.training.max_epochs,
                record.loss,
                record.clips_per_second,
                {name: getattr(record, name) for name in CURVES},
            )
        )

    return listen


def _write(job: Job, network: nn.Module, prepared: bytes | None, epochs: list[Epoch], logits: dict[str, float]) -> None:
    name = left_out_name(job.left_out)
    weights = save_network(network)
    record: dict[str, Any] = {
        "fingerprint": job.fingerprint,
        "files": {f"{name}.safetensors": hashlib.sha256(weights).hexdigest()},
        "history": {name: [getattr(epoch, name) for epoch in epochs] for name in CURVES},
        "logits": logits,
    }
    write_bytes(job.folder / f"{name}.safetensors", weights)
    if prepared is not None:
        record["files"][f"{name}.variables.safetensors"] = hashlib.sha256(prepared).hexdigest()
        write_bytes(job.folder / f"{name}.variables.safetensors", prepared)
    write_text(job.folder / f"{name}.json", json.dumps(record))

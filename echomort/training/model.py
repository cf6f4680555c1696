"""One model: train it on the folds that it does not leave out, score the other clips, write two files."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn

from echomort.core.files import write_bytes, write_text
from echomort.core.fingerprint import digest
from echomort.models.cross_fit import LeftOut, left_out_name
from echomort.models.view_model import save_network, score_clips
from echomort.networks import build_network
from echomort.settings import Training
from echomort.training.data import Batches, Samples, class_weights, read_samples, split_validation
from echomort.training.device import Device, resolve_device
from echomort.training.module import BestWeights, Classifier, Epoch, EpochRecorder
from echomort.training.task import Job, Progress, Task


def train_model(job: Job, report: Callable[[Progress], None]) -> None:
    """Train the model that leaves out the folds of ``job`` and write its weights, then its record with its scores, each
    atomically.

    The result depends only on the task, its samples, its clips and the folds left out, not on what the process
    trained before.
    """
    task, settings = job.task, job.task.training
    samples = read_samples(task.samples)
    pixels = np.load(job.folder / "clips.npy", mmap_mode="r")
    device = resolve_device(job.device, settings)
    seed = int(digest("fold", task.view, settings.seed, *job.left_out)[:8], 16)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    network = build_network(settings.network, task.shape, settings.norm_momentum, settings.network_settings)
    training, validation = _loaders(task, samples, pixels, job.left_out, seed)
    epochs = fit(network, task, (training, validation), device, _listener(task, job.left_out, report))
    rows = samples.scored_rows(job.left_out)
    logits = score_clips(network.to(job.device), pixels, rows)
    _write(job, network, epochs, dict(zip(samples.clip_key[rows], map(float, logits), strict=True)))


def fit(
    network: nn.Module,
    task: Task,
    loaders: tuple[Batches, Batches | None],
    device: Device,
    listener: Callable[[int, Epoch], None],
) -> list[Epoch]:
    """Train ``network`` in place on the first of ``loaders``, stopping by the second if there is one."""
    training, validation = loaders
    recorder = EpochRecorder(listener)
    callbacks: list[lightning.Callback] = [recorder]
    if validation is not None:
        # Lightning stops at that many epochs without a lower loss; the setting says: after more than that many.
        stopping = EarlyStopping("validation_loss", min_delta=0.0, patience=task.training.patience + 1)
        callbacks = [stopping, BestWeights(), recorder]
    trainer = lightning.Trainer(
        **device.trainer,
        max_epochs=task.training.max_epochs,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    trainer.fit(Classifier(network, task.training), training, validation)
    return recorder.epochs


def _loaders(
    task: Task, samples: Samples, pixels: np.ndarray, left_out: LeftOut, seed: int
) -> tuple[Batches, Batches | None]:
    settings = task.training
    rows = samples.training_rows(left_out)
    if settings.stopping == "fixed":
        return Batches(pixels, samples.label, _weights(samples, rows, settings), rows, settings.batch, seed), None
    split = split_validation(samples, rows, settings.validation_fraction, seed, settings.validation_classes)
    training = Batches(pixels, samples.label, _weights(samples, split[0], settings), split[0], settings.batch, seed)
    # Keras gives no class weights to the validation loss; a proportional set needs them, to count both outcomes alike.
    is_balanced = settings.validation_classes == "balanced"
    weights = (1.0, 1.0) if is_balanced else _weights(samples, split[1], settings)
    return training, Batches(pixels, samples.label, weights, split[1], settings.batch)


def _weights(samples: Samples, rows: np.ndarray, settings: Training) -> tuple[float, float]:
    """Return the weights of both labels in the loss of ``rows``."""
    return class_weights(samples.label[rows]) if settings.class_weights else (1.0, 1.0)


def _listener(task: Task, left_out: LeftOut, report: Callable[[Progress], None]) -> Callable[[int, Epoch], None]:
    def listen(epoch: int, record: Epoch) -> None:
        report(Progress(task.view, left_out, epoch, task.training.max_epochs, record.loss, record.clips_per_second))

    return listen


def _write(job: Job, network: nn.Module, epochs: list[Epoch], logits: dict[str, float]) -> None:
    weights = save_network(network)
    record: dict[str, Any] = {
        "fingerprint": job.fingerprint,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "loss": [epoch.loss for epoch in epochs],
        "validation_loss": [epoch.validation_loss for epoch in epochs],
        "logits": logits,
    }
    name = left_out_name(job.left_out)
    write_bytes(job.folder / f"{name}.safetensors", weights)
    write_text(job.folder / f"{name}.json", json.dumps(record))

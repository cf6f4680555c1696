"""One network under Lightning: loss, optimizer, and the record of every epoch."""

import logging
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

from echomort.core.errors import UserError
from echomort.settings import Training
from echomort.training.optimizer import optimizer_of

WARM_UP = 0.1
"""Share of the steps in which the one-cycle schedule rises to the full learning rate. Chosen here."""

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")


class Classifier(lightning.LightningModule):
    """Weighted binary cross-entropy of ``network``'s logits."""

    def __init__(self, network: nn.Module, settings: Training) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """Return the mean loss of one batch."""
        return self._losses(batch).mean()

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> None:
        """Log the mean loss of one batch; Lightning averages over the clips of the pass."""
        self.log("validation_loss", self._losses(batch).mean(), on_epoch=True, batch_size=len(batch[0]))

    def configure_optimizers(self) -> Any:
        """Return the optimizer, with its schedule if there is one."""
        optimizer = optimizer_of(self.network.parameters(), self.settings)
        if self.settings.schedule == "constant":
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _losses(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        pixels, labels, weights = batch
        logits: Tensor = self.network(pixels).float()
        return functional.binary_cross_entropy_with_logits(logits, labels, weights, reduction="none")


def one_cycle(part: float) -> float:
    """Return the share of the learning rate when ``part`` (0 to 1) of the steps are done: linear from a tenth to 1
    during ``WARM_UP``, then a cosine down to 0."""
    if part < WARM_UP:
        return 0.1 + 0.9 * part / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (part - WARM_UP) / (1 - WARM_UP)))


@dataclass(frozen=True)
class Epoch:
    """The record of one epoch."""

    loss: float
    validation_loss: float | None
    clips_per_second: float


class EpochRecorder(lightning.Callback):
    """Records every epoch, calls the listener, and stops a training whose loss is not finite."""

    def __init__(self, listener: Callable[[int, Epoch], None]) -> None:
        self.listener = listener
        self.epochs: list[Epoch] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Reset the sums."""
        self._started, self._clips, self._loss = time.perf_counter(), 0, torch.zeros((), device=pl_module.device)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add one batch; the sum stays on the device, which avoids a synchronisation."""
        self._loss += outputs["loss"].detach() * len(batch[0])
        self._clips += len(batch[0])

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Record the epoch; Lightning has run the validation, if any, before."""
        loss = float(self._loss) / self._clips
        if not math.isfinite(loss):
            raise UserError(
                "the training loss is no longer a number", "set training.learning_rate, lower than the one used"
            )
        validation = trainer.callback_metrics.get("validation_loss")
        speed = self._clips / (time.perf_counter() - self._started)
        self.epochs.append(Epoch(loss, None if validation is None else float(validation), speed))
        self.listener(len(self.epochs), self.epochs[-1])


class BestWeights(lightning.Callback):
    """Keeps the weights of the epoch with the lowest validation loss, in memory, and restores them at the end."""

    def __init__(self) -> None:
        self.lowest = math.inf
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Copy the weights if this epoch is the best so far."""
        loss = float(trainer.callback_metrics["validation_loss"])
        if loss < self.lowest:
            self.lowest = loss
            self.weights = {name: value.clone() for name, value in pl_module.state_dict().items()}

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Restore the best weights."""
        if self.weights:
            pl_module.load_state_dict(self.weights)

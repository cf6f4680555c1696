"""The training of one network: its loss, its steps, when it stops, and the record of every epoch."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from echomort.core.errors import UserError
from echomort.settings import Training
from echomort.training.batches import Batches, Given, ahead, moved
from echomort.training.checkpoint import Checkpoint, State
from echomort.training.device import Device
from echomort.training.optimizer import optimizer_of

WARM_UP = 0.1
"""Share of the steps in which the one-cycle schedule rises to the full learning rate. Chosen here."""
DIVERGED = "set training.learning_rate, lower than the one used"
"""What to do where weights or losses grew beyond all numbers."""


@dataclass(frozen=True)
class Epoch:
    """The record of one epoch."""

    loss: float
    validation_loss: float | None
    clips_per_second: float
    auc: float
    """Of the training samples, each by the weights with which it was met; NaN where all have one label."""
    validation_auc: float | None


CURVES = ("loss", "validation_loss", "auc", "validation_auc")
"""What of an epoch is recorded with the model."""


def fit(  # noqa: PLR0913
    network: nn.Module,
    settings: Training,
    loaders: tuple[Batches, Batches | None],
    device: Device,
    listener: Callable[[int, Epoch], None],
    *,
    checkpoint: Checkpoint | None = None,
) -> list[Epoch]:
    """Train ``network`` in place, on ``device``, on the first of ``loaders``; return its epochs.

    With a second one it stops by the loss there, and is left with the weights of the epoch in which that was lowest.
    ``listener`` is called after every epoch, with its number from 1. With a ``checkpoint`` it goes on after the last
    epoch that is kept there. Raises :class:`UserError` where the loss is no longer a number.
    """
    training, validation = loaders
    loss = Loss(network, device)
    fitting = Fitting.start(network, settings, training, device)
    if checkpoint and (state := checkpoint.read()):
        fitting.resume(state)
    best, epochs = fitting.best, fitting.epochs
    while len(epochs) < settings.max_epochs and not best.is_over:
        started = time.perf_counter()
        trained = _trained(loss, training, fitting.optimizer, fitting.schedule)
        validated = None if validation is None else loss.mean(validation)
        if validated is not None:
            best.after_epoch(validated.loss)
        if not math.isfinite(trained.loss):
            raise UserError("the training loss is no longer a number", DIVERGED)
        speed = len(training.rows) / (time.perf_counter() - started)
        more = (None, None) if validated is None else (validated.loss, validated.auc)
        epochs.append(Epoch(trained.loss, more[0], speed, trained.auc, more[1]))
        if checkpoint:
            checkpoint.write(fitting.state())
        listener(len(epochs), epochs[-1])
    best.restore()
    return epochs


@dataclass
class Fitting:
    """All that changes while a network is trained. Its state after an epoch decides every later one."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler | None
    best: "Best"
    batches: Batches
    device: Device
    epochs: list[Epoch] = field(default_factory=list)

    @classmethod
    def start(cls, network: nn.Module, settings: Training, batches: Batches, device: Device) -> "Fitting":
        """Return the state before the first epoch."""
        optimizer = optimizer_of(network.parameters(), settings)
        schedule = _schedule(optimizer, settings, settings.max_epochs * len(batches))
        return cls(network, optimizer, schedule, Best(network, settings.patience), batches, device)

    def state(self) -> State:
        """Return the state after the last epoch."""
        optimizer = self.optimizer.state_dict()
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.weights.items()}
        tensors |= {
            f"optimizer.{number}.{name}": value
            for number, parts in optimizer["state"].items()
            for name, value in parts.items()
        }
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.is_gpu:
            tensors["random.gpu"] = torch.cuda.get_rng_state(self.device.name)
        facts = {
            "groups": optimizer["param_groups"],
            "schedule": self.schedule and {k: v for k, v in self.schedule.state_dict().items() if k != "lr_lambdas"},
            "best": [self.best.lowest, self.best.waited, self.best.is_over],
            "passes": self.batches.passes,
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }
        return State(tensors, facts)

    def resume(self, state: State) -> None:
        """Go on from ``state``. Every tensor gets the memory layout that it had."""
        facts, weights = state.facts, self.network.state_dict()
        self.network.load_state_dict(state.part("network"))
        self.best.weights = {
            name: torch.empty_like(weights[name]).copy_(value) for name, value in state.part("best").items()
        }
        self.best.lowest, self.best.waited, self.best.is_over = facts["best"]
        self.optimizer.load_state_dict({"state": self._of_optimizer(state), "param_groups": facts["groups"]})
        if self.schedule:
            self.schedule.load_state_dict({**facts["schedule"], "lr_lambdas": [None]})
        self.batches.passes = facts["passes"]
        self.epochs[:] = [Epoch(**epoch) for epoch in facts["epochs"]]
        torch.set_rng_state(state.tensors["random.cpu"])
        if self.device.is_gpu:
            torch.cuda.set_rng_state(state.tensors["random.gpu"], self.device.name)

    def _of_optimizer(self, state: State) -> dict[int, dict[str, Tensor]]:
        parameters = [one for group in self.optimizer.param_groups for one in group["params"]]
        found: dict[int, dict[str, Tensor]] = {}
        for key, value in state.part("optimizer").items():
            number, _, name = key.partition(".")
            like = parameters[int(number)]
            laid_out = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
            found.setdefault(int(number), {})[name] = laid_out.detach()
        return found


@dataclass(frozen=True)
class Loss:
    """Weighted binary cross-entropy of the logits of ``network``, which is on ``device``."""

    network: nn.Module
    device: Device

    def of(self, batch: tuple[Given, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the mean loss of one batch, over several networks the mean of theirs, and its mean logits (n,)."""
        place = torch.device(self.device.name)
        given, labels, weights = batch[0].to(place), moved(batch[1], place), moved(batch[2], place)
        # Without the cache of cast weights, an LSTM's gradient is summed in float32.
        with torch.autocast(place.type, torch.bfloat16, enabled=self.device.bfloat16, cache_enabled=False):
            logits = given.logits(self.network).float()
            each = functional.binary_cross_entropy_with_logits(
                logits, labels.expand_as(logits), weights.expand_as(logits), reduction="none"
            )
            return each.mean(), logits if logits.ndim == 1 else logits.mean(0)

    def mean(self, batches: Batches) -> "Means":
        """Return the means over all samples of ``batches``, in evaluation mode."""
        self.network.eval()
        sums = Sums(self.device)
        with torch.inference_mode():
            for batch in batches:
                sums.add(*self.of(batch), batch[1])
        return sums.means()


@dataclass(frozen=True)
class Means:
    """Loss and AUC of a pass over samples."""

    loss: float
    auc: float


class Sums:
    """The losses and logits of a pass. They stay on the device until its end, which avoids a synchronisation."""

    def __init__(self, device: Device) -> None:
        self.total = torch.zeros((), device=device.name)
        self.logits: list[Tensor] = []
        self.labels: list[Tensor] = []

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: its mean ``loss``, its ``logits`` and ``labels``."""
        self.total += loss.detach() * len(labels)
        self.logits.append(logits.detach())
        self.labels.append(labels)

    def means(self) -> Means:
        """Return the means of all batches."""
        labels = torch.cat(self.labels).numpy()
        return Means(float(self.total) / len(labels), area_under_roc(labels, torch.cat(self.logits).cpu().numpy()))


def area_under_roc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve of ``scores`` (n,) for ``labels`` (n,) 0 or 1, ties count half; NaN where all
    have one label. It is here, and not that of the evaluation, so that a change there trains nothing again."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    died = labels > 0
    pairs = int(died.sum()) * int((~died).sum())
    return float((ranks[died].sum() - died.sum() * (died.sum() + 1) / 2) / pairs) if pairs else math.nan


def _trained(
    loss: Loss,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler | None,
) -> Means:
    """Train for one pass; return its means."""
    loss.network.train()
    sums = Sums(loss.device)
    for batch in ahead(batches) if loss.device.is_gpu else batches:
        one, logits = loss.of(batch)
        optimizer.zero_grad()
        torch.autograd.backward(one)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        sums.add(one, logits, batch[1])
    return sums.means()


class Best:
    """The weights of the epoch with the lowest validation loss, and whether training is over: after more than
    ``patience`` epochs in a row without a lower one, or one that is no number."""

    def __init__(self, network: nn.Module, patience: int) -> None:
        self.network, self.patience = network, patience
        self.lowest, self.waited, self.is_over = math.inf, 0, False
        self.weights: dict[str, Tensor] = {}

    def after_epoch(self, loss: float) -> None:
        """Take the validation ``loss`` of an epoch."""
        if loss < self.lowest:
            self.lowest, self.waited = loss, 0
            self.weights = {name: value.clone() for name, value in self.network.state_dict().items()}
        else:
            self.waited += 1
        self.is_over = self.waited > self.patience or not math.isfinite(loss)

    def restore(self) -> None:
        """Put the best weights back, if there are any."""
        if self.weights:
            self.network.load_state_dict(self.weights)


def _schedule(
    optimizer: torch.optim.Optimizer, settings: Training, steps: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if settings.schedule == "constant":
        return None
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))


def one_cycle(part: float) -> float:
    """Return the share of the learning rate when ``part`` (0 to 1) of the steps are done: linear from a tenth to 1
    during ``WARM_UP``, then a cosine down to 0."""
    if part < WARM_UP:
        return 0.1 + 0.9 * part / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (part - WARM_UP) / (1 - WARM_UP)))

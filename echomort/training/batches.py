"""What a network is given: pictures, and with them variables of the record; all samples, and batches of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from echomort.training.augmentation import Augmentation


class Pictures(Protocol):
    """The pictures of all samples: an array, or what reads them from files."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all together, (n, frames, height, width)."""

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        """Return the pictures of ``rows`` (k,)."""


class Given(NamedTuple):
    """What a network is given of some samples: a tensor of pixels a branch, uint8; which of them are ``present``, bool
    (n, branches), on the CPU, None where there is one branch and no record; and ``variables`` float32 (n, columns)."""

    pictures: tuple[Tensor, ...]
    present: Tensor | None
    variables: Tensor | None

    def logits(self, network: nn.Module) -> Tensor:
        """Return the logits (n,) of ``network``."""
        arguments: tuple[Any, ...] = self if self.present is not None else self.pictures
        logits: Tensor = network(*arguments)
        return logits

    def to(self, device: torch.device) -> "Given":
        """Return the same on ``device``."""
        variables = None if self.variables is None else moved(self.variables, device)
        return Given(tuple(moved(picture, device) for picture in self.pictures), self.present, variables)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return ``tensor`` on ``device``; to a GPU it is copied while the processor goes on."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield ``items``; another thread makes the next one meanwhile, so that clips are read while a GPU computes."""
    iterator = iter(items)
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, iterator, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, iterator, None)
            yield item


@dataclass(frozen=True)
class Inputs:
    """What networks are given of all samples: ``pictures``, an array a branch, uint8 (n, frames, height, width), with a
    last edge 3 if coloured; ``present`` and ``variables`` as in :class:`Given`, as arrays."""

    pictures: Sequence[Pictures]
    present: np.ndarray | None = None
    variables: np.ndarray | None = None

    def at(self, rows: np.ndarray, change: Callable[[np.ndarray], np.ndarray] | None = None) -> Given:
        """Return what a network is given of ``rows``, its pictures as ``change`` returns them."""
        present, variables = (
            None if part is None else torch.from_numpy(part[rows]) for part in (self.present, self.variables)
        )
        chosen = (picture[rows] for picture in self.pictures)
        pictures = chosen if change is None else map(change, chosen)
        return Given(tuple(map(torch.from_numpy, pictures)), present, variables)


@dataclass
class Batches:
    """Batches of samples: what the network is given, labels float32 (b,), loss weights float32 (b,).

    Pixels stay uint8 until they are inside the network. With a ``seed`` each pass has another order, and changes its
    clips otherwise (``augmentation``); both depend on seed and number of the pass only. Without one the order is that
    of ``rows``, and clips stay as they are.
    """

    inputs: Inputs
    """All samples."""
    labels: np.ndarray
    weights: tuple[float, float]
    """Of label 0 and of label 1."""
    rows: np.ndarray
    batch: int
    seed: int | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    passes: int = 0

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch)

    def __iter__(self) -> Iterator[tuple[Given, Tensor, Tensor]]:
        rows, change = self.rows, None
        if self.seed is not None:
            random = np.random.default_rng((self.seed, self.passes))
            rows = random.permutation(rows)
            change = None if self.augmentation.is_none else partial(self.augmentation.applied, random=random)
            self.passes += 1
        weights = np.array(self.weights, dtype=np.float32)
        for start in range(0, len(rows), self.batch):
            chosen = rows[start : start + self.batch]
            labels = self.labels[chosen]
            yield (
                self.inputs.at(chosen, change),
                torch.from_numpy(labels.astype(np.float32)),
                torch.from_numpy(weights[labels]),
            )

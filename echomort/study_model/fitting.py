"""The study model of one fold: what it learns from, and when it stops."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from echomort.core.errors import UserError
from echomort.models.rows import split_patients
from echomort.study_model.hazards import base_log_odds, fates, log_odds_of_death
from echomort.study_model.network import StudyClips, StudyNetwork, hazard_loss

LEARNING_RATE = 0.003
"""Of Adam. Chosen here."""
WEIGHT_DECAY = 0.01
"""Of AdamW: its default in torch."""
BATCH = 64
"""Studies in a step. Chosen here: several steps an epoch on a few hundred studies."""
MAX_EPOCHS, PATIENCE = 200, 10
"""Epochs at most, and without a lower validation loss (the preprint's patience, p. 20). The first was never reached."""
VALIDATION = 0.2
"""Share of the training patients by whom it stops. Twice the preprint's: one in ten of a few hundred is a handful of
deaths."""
VIEW_DROPOUT = 0.3
"""Share of the views of a study that are left out in a step of training. Chosen here; one view always stays."""


@dataclass(frozen=True)
class Studies:
    """The studies that a model is fitted on and scores: patient and fold (n,), days and event (n,) as in
    :func:`echomort.study_model.hazards.fates`, and the ``ends`` of the intervals. Study i has number i among the
    clips."""

    patient: np.ndarray
    fold: np.ndarray
    days: np.ndarray
    event: np.ndarray
    ends: tuple[int, ...]


def fit(
    studies: Studies, features: Mapping[str, np.ndarray], study: Mapping[str, np.ndarray], fold: int, seed: int
) -> tuple[StudyNetwork, np.ndarray]:
    """Fit the model that leaves out ``fold``; return it, and the log odds of death by the end of each interval that it
    gives the studies of that fold, in their order, float64 (studies of the fold, intervals).

    ``features``: view -> what the view's network that left out ``fold`` makes of its clips, float32 (clips, features);
    ``study``: view -> the number of each clip's study. The same arguments give the same bytes. Raises
    :class:`UserError` where too few patients died, or outlived an interval, to learn from.
    """
    torch.manual_seed(seed)
    clips = StudyClips(
        {view: torch.from_numpy(values) for view, values in features.items()},
        {view: torch.from_numpy(numbers) for view, numbers in study.items()},
        len(studies.fold),
    )
    died, survived = fates(studies.days, studies.event, studies.ends)
    training, validation = _split(studies, (died | survived).any(1), fold, seed)
    network = StudyNetwork({view: values.shape[1] for view, values in features.items()}, len(studies.ends))
    everyone = Followed(clips, torch.from_numpy(died).float(), torch.from_numpy(survived).float())
    learnt = everyone.part(training)
    network.start(learnt.clips.features, base_log_odds(died[training], survived[training]).tolist())
    _train(network, learnt, everyone.part(validation), seed)
    held_out = everyone.part(np.flatnonzero(studies.fold == fold))
    return network, log_odds_of_death(_scored(network, held_out.clips).double().numpy())


@dataclass(frozen=True)
class Followed:
    """Clips of studies, and their fates, float (studies, intervals)."""

    clips: StudyClips
    died: torch.Tensor
    survived: torch.Tensor

    def part(self, rows: np.ndarray) -> "Followed":
        """Return the studies ``rows`` (k,)."""
        chosen = torch.from_numpy(rows)
        return Followed(self.clips.part(chosen), self.died[chosen], self.survived[chosen])

    def loss(self, log_odds: torch.Tensor) -> torch.Tensor:
        """Return the loss of ``log_odds``, those of the hazards."""
        return hazard_loss(log_odds, self.died, self.survived)


def _split(studies: Studies, is_known: np.ndarray, fold: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the studies that the model without ``fold`` learns from, and of those by whom it stops."""
    rows = np.flatnonzero((studies.fold != fold) & is_known)
    event = studies.event[rows].astype(int)
    inside = split_patients(event, studies.patient[rows], VALIDATION, seed)
    for side in (inside, ~inside):
        if len(np.unique(event[side])) < 2:
            problem = f"too few patients outside fold {fold} died or were followed for a study model"
            raise UserError(problem, "add studies, or follow patients longer")
    return rows[~inside], rows[inside]


def _train(network: StudyNetwork, training: Followed, validation: Followed, seed: int) -> None:
    """Train ``network``; leave it with the weights whose loss on ``validation`` is lowest: those that it began with, if
    none is lower."""
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    generator = np.random.default_rng(seed)
    lowest, waited, best = _loss(network, validation), 0, copy.deepcopy(network.state_dict())
    for _ in range(MAX_EPOCHS):
        _epoch(network, training, optimizer, generator)
        loss = _loss(network, validation)
        if loss < lowest:
            lowest, waited, best = loss, 0, copy.deepcopy(network.state_dict())
        else:
            waited += 1
        if waited > PATIENCE or not math.isfinite(loss):
            break
    network.load_state_dict(best)


def _epoch(
    network: StudyNetwork, training: Followed, optimizer: torch.optim.Optimizer, generator: np.random.Generator
) -> None:
    network.train()
    order = generator.permutation(len(training.died))
    for start in range(0, len(order), BATCH):
        part = training.part(order[start : start + BATCH])
        dropped = torch.from_numpy(dropped_views(part.clips.present.numpy(), generator))
        loss = part.loss(network(part.clips.without(dropped)))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def dropped_views(present: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return which views are left out, bool (studies, views), of those ``present``: each with probability
    :data:`VIEW_DROPOUT`, but for the one with the highest draw, so that one stays."""
    draws = np.where(present, generator.random(present.shape), -1.0)
    dropped = draws < VIEW_DROPOUT
    dropped[np.arange(len(draws)), draws.argmax(1)] = False
    return np.asarray(dropped)


def _loss(network: StudyNetwork, followed: Followed) -> float:
    return float(followed.loss(_scored(network, followed.clips)))


def _scored(network: StudyNetwork, clips: StudyClips) -> torch.Tensor:
    network.eval()
    with torch.inference_mode():
        log_odds: torch.Tensor = network(clips)
        return log_odds

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
    learnt = clips.part(torch.from_numpy(training))
    network.start(learnt.features, base_log_odds(died[training], survived[training]).tolist())
    known = torch.from_numpy(died).float(), torch.from_numpy(survived).float()
    _train(network, clips, known, training, validation, seed)
    held_out = torch.from_numpy(np.flatnonzero(studies.fold == fold))
    return network, log_odds_of_death(_scored(network, clips.part(held_out)).double().numpy())


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


Known = tuple[torch.Tensor, torch.Tensor]
"""Who died in which interval, and who survived which, float (studies, intervals)."""


def _train(
    network: StudyNetwork, clips: StudyClips, known: Known, training: np.ndarray, validation: np.ndarray, seed: int
) -> None:
    """Train ``network`` on the studies ``training``; leave it with the weights whose loss on the studies ``validation``
    is lowest: those that it began with, if none is lower."""
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    generator = np.random.default_rng(seed)
    lowest, waited, best = _loss(network, clips, known, validation), 0, copy.deepcopy(network.state_dict())
    for _ in range(MAX_EPOCHS):
        network.train()
        order = generator.permutation(training)
        for start in range(0, len(order), BATCH):
            _step(network, clips, known, order[start : start + BATCH], optimizer, generator)
        loss = _loss(network, clips, known, validation)
        if loss < lowest:
            lowest, waited, best = loss, 0, copy.deepcopy(network.state_dict())
        else:
            waited += 1
        if waited > PATIENCE or not math.isfinite(loss):
            break
    network.load_state_dict(best)


def _step(
    network: StudyNetwork,
    clips: StudyClips,
    known: Known,
    rows: np.ndarray,
    optimizer: torch.optim.Optimizer,
    generator: np.random.Generator,
) -> None:
    chosen = torch.from_numpy(rows)
    part = clips.part(chosen)
    seen = part.without(torch.from_numpy(dropped_views(part.present.numpy(), generator)))
    loss = hazard_loss(network(seen), known[0][chosen], known[1][chosen])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def dropped_views(present: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return which views are left out, bool (studies, views), of those ``present``: each with probability
    :data:`VIEW_DROPOUT`, but for the one with the highest draw, so that one stays."""
    draws = np.where(present, generator.random(present.shape), -1.0)
    dropped = draws < VIEW_DROPOUT
    dropped[np.arange(len(draws)), draws.argmax(1)] = False
    return np.asarray(dropped)


def _loss(network: StudyNetwork, clips: StudyClips, known: Known, rows: np.ndarray) -> float:
    chosen = torch.from_numpy(rows)
    return float(hazard_loss(_scored(network, clips.part(chosen)), known[0][chosen], known[1][chosen]))


def _scored(network: StudyNetwork, clips: StudyClips) -> torch.Tensor:
    network.eval()
    with torch.inference_mode():
        log_odds: torch.Tensor = network(clips)
        return log_odds

"""The network of the study model: attention over the clips of a study, and the log odds of its hazards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 16
"""Numbers that a clip becomes: as many as the last maps of the views' networks have (preprint, p. 18-20)."""
DROPOUT = 0.5
"""Share of a study's numbers left out in training: that of the views' networks."""


@dataclass(frozen=True)
class StudyClips:
    """The clips of ``studies`` studies. ``features``: view -> float32 (clips, features); ``study``: view -> the number
    of each clip's study, int64 (clips,). A view that a study lacks has no row for it: there is no padding."""

    features: Mapping[str, Tensor]
    study: Mapping[str, Tensor]
    studies: int

    def part(self, studies: Tensor) -> "StudyClips":
        """Return the clips of ``studies`` (k,), which are numbered anew in that order."""
        place = torch.full((self.studies,), -1)
        place[studies] = torch.arange(len(studies))
        return self._kept({view: place[numbers] for view, numbers in self.study.items()}, len(studies))

    def without(self, dropped: Tensor) -> "StudyClips":
        """Return what is left without the views ``dropped``, bool (studies, views)."""
        numbers = {
            view: torch.where(dropped[study, column], -1, study)
            for column, (view, study) in enumerate(self.study.items())
        }
        return self._kept(numbers, self.studies)

    @property
    def present(self) -> Tensor:
        """Which studies have a clip of which view, bool (studies, views)."""
        there = torch.zeros(self.studies, len(self.study), dtype=torch.bool)
        for column, study in enumerate(self.study.values()):
            there[study, column] = True
        return there

    def _kept(self, numbers: Mapping[str, Tensor], studies: int) -> "StudyClips":
        """Return the clips whose new number is none of -1."""
        kept = {view: number >= 0 for view, number in numbers.items()}
        return StudyClips(
            {view: features[kept[view]] for view, features in self.features.items()},
            {view: number[kept[view]] for view, number in numbers.items()},
            studies,
        )


class StudyNetwork(nn.Module):
    """A linear map of each view's features and a number of the view's own (its embedding), attention with one head over
    all clips of a study, and one linear layer to the hazards."""

    def __init__(self, features: Mapping[str, int], intervals: int) -> None:
        super().__init__()
        self.views = list(features)
        self.maps = nn.ModuleDict({view: nn.Linear(size, WIDTH, bias=False) for view, size in features.items()})
        self.embedding = nn.ParameterDict({view: nn.Parameter(torch.zeros(WIDTH)) for view in features})
        for view, size in features.items():
            self.register_buffer(f"mean_{view}", torch.zeros(size))
            self.register_buffer(f"scale_{view}", torch.ones(size))
        self.attention = nn.Linear(WIDTH, 1, bias=False)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(WIDTH, intervals)

    def start(self, features: Mapping[str, Tensor], log_odds: Sequence[float]) -> None:
        """Standardise by ``features``, those that it is trained on, and begin with the hazards ``log_odds`` for all."""
        for view, values in features.items():
            self.get_buffer(f"mean_{view}").copy_(values.mean(0))
            spread = values.std(0, correction=0)
            self.get_buffer(f"scale_{view}").copy_(torch.where(spread > 0, spread, 1))
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.copy_(torch.tensor(log_odds))

    def forward(self, clips: StudyClips) -> Tensor:
        """Return the log odds of the hazards, (studies, intervals); every study has a clip."""
        tokens = torch.cat([self._tokens(view, clips.features[view]) for view in self.views])
        study = torch.cat([clips.study[view] for view in self.views])
        pooled = attended(tokens, self.attention(tokens).squeeze(1), study, clips.studies)
        log_odds: Tensor = self.head(self.dropout(pooled))
        return log_odds

    def _tokens(self, view: str, features: Tensor) -> Tensor:
        standardised = (features - self.get_buffer(f"mean_{view}")) / self.get_buffer(f"scale_{view}")
        return torch.tanh(self.maps[view](standardised) + self.embedding[view])


def attended(tokens: Tensor, scores: Tensor, study: Tensor, studies: int) -> Tensor:
    """Return the mean of the ``tokens`` (clips, width) of each study (studies, width), weighted by the softmax of their
    ``scores`` (clips,) within it; ``study`` (clips,) is the number of each clip's study."""
    highest = scores.detach().new_full((studies,), -torch.inf).scatter_reduce(0, study, scores.detach(), "amax")
    weights = torch.exp(scores - highest[study])
    total = weights.new_zeros(studies).index_add(0, study, weights)
    return tokens.new_zeros(studies, tokens.shape[1]).index_add(0, study, (weights / total[study])[:, None] * tokens)


def hazard_loss(log_odds: Tensor, died: Tensor, survived: Tensor) -> Tensor:
    """Return minus the log likelihood of hazards with ``log_odds`` (n, intervals), the mean over the studies; ``died``
    and ``survived`` are the fates (n, intervals) as float (:func:`echomort.study_model.hazards.fates`)."""
    each = died * functional.softplus(-log_odds) + survived * functional.softplus(log_odds)
    return each.sum() / len(log_odds)

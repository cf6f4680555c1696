"""Several networks of one kind as one: what chance gave a network with its first weights counts less in their mean.

After Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation using deep
ensembles", NeurIPS 2017 (arXiv:1612.01474). The mean is that of the log odds.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Averaged(nn.Module):
    """``networks`` that get the same input; each learns by its own loss, as if it were alone."""

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, *given: Any) -> Tensor:
        """Return the mean logits (n,); in training the logits of each network, (networks, n)."""
        logits = torch.stack([network(*given) for network in self.networks])
        return logits if self.training else logits.mean(0)


def networks_of(network: nn.Module) -> tuple[nn.Module, ...]:
    """Return the networks whose mean ``network`` is: itself, where it is one alone."""
    return tuple(network.networks) if isinstance(network, Averaged) else (network,)

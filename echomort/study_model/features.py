"""What a trained network makes of a clip before its last layer."""

import numpy as np
import torch
from torch import nn

from echomort.core.errors import UserError
from echomort.models.view_model import score_rows
from echomort.networks._averaged import networks_of
from echomort.training.batches import Pictures


def clip_features(network: nn.Module, pictures: Pictures) -> np.ndarray:
    """Return what ``network`` gives to its last layer of each of ``pictures``, float32 (clips, features); of the mean
    of several networks what each gives to its own, side by side.

    Raises :class:`UserError` where its last layer is no linear one, or where a number is not finite.
    """
    return np.concatenate([_features(one, pictures) for one in networks_of(network)], axis=1)


def _features(network: nn.Module, pictures: Pictures) -> np.ndarray:
    last = _last_layer(network)
    kept: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda layer, given: kept.append(given[0].detach().float().cpu()))
    try:
        score_rows(
            network,
            np.arange(pictures.shape[0]),
            int(np.prod(pictures.shape[1:])),
            lambda rows, device: network(torch.from_numpy(pictures[rows]).to(device)),
        )
    finally:
        hook.remove()
    features = torch.cat(kept).numpy()
    if features.shape != (pictures.shape[0], last.in_features) or not np.isfinite(features).all():
        raise UserError("a view's network gives its last layer no finite row for each clip", "train its view again")
    return features


def _last_layer(network: nn.Module) -> nn.Linear:
    """Return the layer that makes the logit: the last linear one, with one output."""
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear or linear[-1].out_features != 1:
        raise UserError(
            "the network of the views does not end in a linear layer with one output, whose input a study model takes",
            "set training.network to one that does, such as cnn_3d",
        )
    return linear[-1]

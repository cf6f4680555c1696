"""The network that the authors published for the apical four-chamber view, from the user's own copy of its weights.

The weights (Keras, ``model.h5``, CC BY-NC-ND 4.0) are no part of this project: :func:`import_published` turns a copy
into safetensors, :func:`load_published` returns the network.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.core.verified import read_card, read_verified
from echomort.models.keras_file import Layout, Weights, read_bytes, read_weights
from echomort.models.view_model import load_network, save_network
from echomort.networks import build_network

NETWORK = "cnn_3d"
"""Name of the network (preprint, Ext. Table 6)."""
SHAPE = (60, 109, 150)
"""Clips that it takes: frames, height, width (preprint, p. 20)."""
VIEW = "apical_4"
"""View that it was trained on."""
CARD = "model.json"
WEIGHTS = "weights.safetensors"
"""Files of an imported model."""
AGAIN = "import your copy of model.h5 again (`echomort weights import`)"
"""Remedy for an imported model that is not as it was written."""

FILTERS = (4, 8, 16)
"""Filters of the three units (preprint, Ext. Table 6)."""
CELLS = 2 * 4 * 5
"""Cells that three poolings by 3 leave of a clip: frames x rows x columns."""
KEYS = ("view", "network", "shape", "weights", "source")
"""Keys that a card must have."""


def import_published(source: Path, folder: Path) -> dict[str, Any]:
    """Write the weights of the authors' file ``source`` (model.h5) into the new ``folder``; return the card.

    ``folder`` then holds ``weights.safetensors`` and ``model.json``: network, view, shape of a clip, SHA-256 of the
    weights and of the source, and the source's layout. Raises :class:`UserError` where ``folder`` exists or ``source``
    is another file.
    """
    if folder.exists():
        raise UserError(f"{folder} exists already", "name a new folder, or remove it first")
    content = read_bytes(source)
    weights = save_network(_network(read_weights(content, source.name, _layout())))
    card = {
        "view": VIEW,
        "network": NETWORK,
        "shape": SHAPE,
        "pixels": "0 to 255 as stored",
        "weights": {"file": WEIGHTS, "sha256": hashlib.sha256(weights).hexdigest()},
        "source": {
            "format": "Keras 2.2, HDF5",
            "sha256": hashlib.sha256(content).hexdigest(),
            "layers": {
                layer: {name: list(shape) for name, shape in shapes.items()} for layer, shapes in _layout().items()
            },
        },
    }
    with atomic_folder(folder) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        (temporary / CARD).write_text(json.dumps(card, indent=1) + "\n")
    return card


def load_published(path: Path | str) -> nn.Module:
    """Return the authors' network from ``path``: a folder that :func:`import_published` wrote, or their ``model.h5``.

    It takes clips (n, 60, 109, 150) as uint8, or float32 of the same values 0 to 255, and returns logits (n,), in
    evaluation mode. A folder's weights are verified by SHA-256 before they are parsed. Raises :class:`UserError`.
    """
    path = Path(path)
    if not path.is_dir():
        return _network(read_weights(read_bytes(path), path.name, _layout()))
    try:
        card = read_card(path, KEYS)
        if (card["network"], tuple(card["shape"])) != (NETWORK, SHAPE):
            raise UserError(f"the weights in {path.name} are not those of the authors' network", "")
        return load_network(read_verified(path, WEIGHTS, card["weights"]["sha256"]), NETWORK, SHAPE)
    except (UserError, KeyError, TypeError) as error:
        problem = error.problem if isinstance(error, UserError) else f"{CARD} has another form"
        raise UserError(problem, AGAIN) from None


def _layers() -> dict[str, str]:
    """Return the name of each layer in Keras -> the module of our network."""
    modules = {"fc3d2_out": "head.1"}
    for unit in range(len(FILTERS)):
        modules |= {
            f"fc3d_conv3d_{unit}_3d2": f"trunk.{unit}.conv1",
            f"fc3d_bn_{unit}": f"trunk.{unit}.norm1",
            f"fc3d_conv3d2_{unit}": f"trunk.{unit}.conv2",
            f"fc3d_bn2_{unit}": f"trunk.{unit}.norm2",
        }
    return modules


def _layout() -> Layout:
    """Return the layout of the authors' file: 13 layers, 14,421 weights."""
    layout: dict[str, dict[str, tuple[int, ...]]] = {"fc3d2_out": {"kernel": (CELLS * FILTERS[-1], 1), "bias": (1,)}}
    for unit, (inputs, filters) in enumerate(zip((1, *FILTERS), FILTERS, strict=False)):
        norm: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("gamma", "beta", "moving_mean", "moving_variance"), (filters,)
        )
        layout |= {
            f"fc3d_conv3d_{unit}_3d2": {"kernel": (3, 3, 3, inputs, filters), "bias": (filters,)},
            f"fc3d_bn_{unit}": norm,
            f"fc3d_conv3d2_{unit}": {"kernel": (3, 3, 3, filters, filters), "bias": (filters,)},
            f"fc3d_bn2_{unit}": norm,
        }
    return layout


_OURS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Names of weights in Keras, and in torch."""


def _network(weights: Weights) -> nn.Module:
    """Return our network with the weights of Keras's layers; both flatten features channels last."""
    network = build_network(NETWORK, SHAPE)
    state = network.state_dict()
    for layer, module in _layers().items():
        for name, values in weights[layer].items():
            turned = (
                np.moveaxis(values, (-1, -2), (0, 1)) if name == "kernel" else values
            )  # (..., in, out) to (out, in, ...)
            state[f"{module}.{_OURS[name]}"] = torch.from_numpy(np.ascontiguousarray(turned))
    network.load_state_dict(state)
    return network.eval()

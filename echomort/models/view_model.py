"""The video model of one view: the networks of all folds, whose files are verified before they are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from echomort.core.errors import UserError
from echomort.core.verified import REMEDY, read_card, read_verified
from echomort.networks import MOST_NETWORKS, NETWORKS, Branch, build_joint_network

BATCH_VOXELS = 8_000_000
"""Pixels of clips that are scored at once: eight clips of the published size, about 1 GB of activations. Chosen
here."""


@dataclass(frozen=True)
class ViewModel:
    """One network a fold, for clips of ``shape`` (frames, height, width) of one view."""

    view: str
    network: str
    shape: tuple[int, int, int]
    folds: dict[int, nn.Module]

    @classmethod
    def load(cls, folder: Path) -> "ViewModel":
        """Read the model that a training wrote into ``folder``.

        The SHA-256 of a file is verified before its weights are parsed; names, shapes and finiteness afterwards. Raises
        :class:`UserError`.
        """
        card = read_card(folder, ("view", "network", "shape", "weights"))
        if "branches" in card:
            problem = "the model takes several kinds of clip, colours or the record, and serves no patients"
            raise UserError(problem, "load the model of one view")
        frames, height, width = card["shape"]
        shape, network_settings = (int(frames), int(height), int(width)), card.get("network_settings", {})
        networks = _networks(card.get("training", {}).get("networks", 1))
        folds = {}
        for fold, entry in sorted(card["weights"].items(), key=lambda item: int(item[0])):
            content = read_verified(folder, entry["file"], entry["sha256"])
            folds[int(fold)] = load_network(content, card["network"], shape, network_settings, networks)
        return cls(card["view"], card["network"], shape, folds)

    def score(self, clips: np.ndarray) -> np.ndarray:
        """Return one logit a clip, float64 (n,), the mean over folds; ``clips`` are uint8 (n, frames, height,
        width)."""
        return np.asarray(np.mean(self.score_by_fold(clips), axis=0))

    def score_by_fold(self, clips: np.ndarray) -> np.ndarray:
        """Return the logits, float64 (folds, n), by the network of each fold; ``clips`` as :meth:`score` takes them."""
        _check_clips(clips, self.shape)
        return np.stack([score_clips(network, clips) for network in self.folds.values()])


def score_clips(network: nn.Module, clips: np.ndarray) -> np.ndarray:
    """Return the logits, float64 (n,), of ``clips`` uint8 (n, frames, height, width), in float32.

    ``network`` is left in evaluation mode.
    """
    return score_rows(
        network,
        np.arange(len(clips)),
        int(np.prod(clips.shape[1:])),
        lambda rows, device: network(torch.from_numpy(clips[rows]).to(device)),
    )


def score_rows(
    network: nn.Module, rows: np.ndarray, voxels: int, logits_of: Callable[[np.ndarray, torch.device], Tensor]
) -> np.ndarray:
    """Return the logits, float64 (n,), of ``rows`` (n,), which ``logits_of`` computes by batches with ``network``, on
    its device, in float32; a row has ``voxels`` pixels. ``network`` is left in evaluation mode."""
    batch = max(1, BATCH_VOXELS // voxels)
    network.eval()
    device = next(network.parameters()).device
    logits = np.empty(len(rows))
    with torch.inference_mode():
        for start in range(0, len(rows), batch):
            part = slice(start, start + batch)
            logits[part] = logits_of(rows[part], device).double().cpu().numpy()
    return logits


def save_network(network: nn.Module) -> bytes:
    """Return the weights of ``network`` in the safetensors format."""
    return safetensors.torch.save({name: value.cpu().contiguous() for name, value in network.state_dict().items()})


def load_network(
    content: bytes,
    name: str,
    shape: tuple[int, int, int],
    settings: Mapping[str, Any] | None = None,
    networks: int = 1,
) -> nn.Module:
    """Return the network ``name``, or the mean of several ``networks``, with the weights of a safetensors file, in
    evaluation mode, or raise :class:`UserError`."""
    if name not in NETWORKS:
        remedy = "install the package that offers it, or train again"
        raise UserError(f"the network {name}, which a model card names, is not installed", remedy)
    branches = (Branch(name="clips", shape=shape),)
    network = build_joint_network(name, branches, 0, settings=settings, networks=networks)
    try:
        weights = safetensors.torch.load(content)
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError):
        raise UserError(f"a weight file does not hold the network {name} that its card names", REMEDY) from None
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise UserError("a weight file holds values that are not numbers", REMEDY)
    return network.eval()


def _networks(value: Any) -> int:
    """Return how many networks a card says are averaged, before any is built."""
    if not isinstance(value, int) or not 1 <= value <= MOST_NETWORKS:
        raise UserError(f"a model card names {value!r} networks; 1 to {MOST_NETWORKS} can be averaged", REMEDY)
    return value


def _check_clips(clips: np.ndarray, shape: tuple[int, int, int]) -> None:
    if clips.dtype != np.uint8 or clips.ndim != 4 or clips.shape[1:] != shape:
        raise UserError(
            f"clips are {'x'.join(map(str, clips.shape[1:]))} {clips.dtype}, "
            f"the model takes {'x'.join(map(str, shape))} uint8",
            "prepare them with the clip settings of the model",
        )

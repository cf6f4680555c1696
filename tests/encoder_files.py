"""Encoders as users bring them: small TorchScript modules, each with its spec."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn

INPUT = {
    "frames": 6,
    "height": 16,
    "width": 20,
    "fps": 30,
    "colour": "grey",
    "white": 1.0,
    "mean": [0.0],
    "std": [1.0],
}
LICENCE = "CC BY-NC 4.0"


class RandomProjection(nn.Module):
    """Numbers that depend on every pixel and on nothing that was learnt."""

    def __init__(self, numbers: int = 4, seed: int = 1) -> None:
        super().__init__()
        size = INPUT["frames"] * INPUT["height"] * INPUT["width"]
        drawn = torch.randn(size, numbers, generator=torch.Generator().manual_seed(seed))
        self.weights = nn.Parameter(drawn / size**0.5)

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1) @ self.weights


class Flicker(nn.Module):
    """How much the middle of the picture changes from frame to frame."""

    def forward(self, pixels: Tensor) -> Tensor:
        middle = pixels[..., 6:10, 8:12].mean((-2, -1)).squeeze(1)
        return (middle[:, 1:] - middle[:, :-1]).abs().mean(1, keepdim=True)


class Constant(nn.Module):
    """The same numbers for every clip."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1)[:, :2] * 0 + 1


def loops(label: np.ndarray, seed: int = 1) -> list[np.ndarray]:
    """Clips of noise, in which the middle flickers more where the patient dies."""
    draw = np.random.default_rng(seed)
    found = []
    for died in label:
        clip = draw.integers(60, 180, (6, 16, 20)).astype(float)
        clip[:, 6:10, 8:12] += np.where(np.arange(6) % 2, 1, -1)[:, None, None] * draw.normal(10 + 8 * died, 8)
        found.append(clip.clip(1, 255).astype(np.uint8))
    return found


EXAMPLE = torch.rand(2, 1, INPUT["frames"], INPUT["height"], INPUT["width"])


def write_encoder(folder: Path, name: str, module: nn.Module, numbers: int, example: Tensor = EXAMPLE) -> Path:
    """Write ``module`` as TorchScript and its spec; return the spec's file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(module, example, check_trace=False), folder / f"{name}.pt")
    content = {
        "weights": f"{name}.pt",
        "sha256": hashlib.sha256((folder / f"{name}.pt").read_bytes()).hexdigest(),
        "licence": LICENCE,
        "terms": "https://creativecommons.org/licenses/by-nc/4.0/",
        "input": INPUT,
        "output": numbers,
    }
    return write_spec(folder / f"{name}.yaml", content)


def write_spec(file: Path, content: Any) -> Path:
    file.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    return file

"""The state of a training after a whole epoch, in one file, so that a killed model goes on there and ends in the same
bytes.

The file is safetensors: weights, the optimizer's tensors, the best weights and the states of the random numbers; what
is no tensor is JSON in its metadata, with the SHA-256 of everything. A file that is damaged, or of other data,
settings, code or hardware, is as if it were not there.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from echomort.core.files import write_bytes
from echomort.core.fingerprint import digest

STATE, MADE_FROM, CONTENT = "state", "made_from", "sha256"
"""Keys of the metadata."""


@dataclass(frozen=True)
class State:
    """``tensors`` by name, on the CPU, and ``facts`` as JSON values."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with ``name`` and a stop, without that."""
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in self.tensors.items() if key.startswith(start)}


@dataclass(frozen=True)
class Checkpoint:
    """The file of one model's state; ``made_from`` is the digest of all that decides the model."""

    file: Path
    made_from: str

    def read(self) -> State | None:
        """Return the state; None where there is none that fits."""
        try:
            with safe_open(self.file, framework="pt") as opened:
                metadata = opened.metadata() or {}
                if metadata.get(MADE_FROM) != self.made_from:
                    return None
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError):
            return None
        state = metadata.get(STATE, "")
        return State(tensors, json.loads(state)) if metadata.get(CONTENT) == _sha256(tensors, state) else None

    def write(self, state: State) -> None:
        """Put ``state`` in place of the former one, atomically."""
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.tensors.items()}
        facts = json.dumps(state.facts)
        metadata = {STATE: facts, MADE_FROM: self.made_from, CONTENT: _sha256(tensors, facts)}
        write_bytes(self.file, safetensors.torch.save(tensors, metadata))

    def remove(self) -> None:
        """Delete the file, if it is there."""
        self.file.unlink(missing_ok=True)


def hardware(device: str) -> str:
    """Return the digest of what of the machine decides the last bits: torch's instruction set, and the kind of GPU."""
    gpu = "" if device == "cpu" else torch.cuda.get_device_name(device)
    return digest(torch.backends.cpu.get_cpu_capability(), gpu)


def _sha256(tensors: Mapping[str, Tensor], facts: str) -> str:
    content = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        content.update(f"{name} {tensors[name].dtype} {list(tensors[name].shape)}".encode())
        content.update(tensors[name].numpy().tobytes())
    return content.hexdigest()

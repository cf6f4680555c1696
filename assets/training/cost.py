"""What models cost: seconds of processor time, in a file beside them."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from echomort.core.files import write_text

COST = "cost.json"
"""Seconds of processor time that the training took, in the folder of the models: the one file that two trainings do not
have in common."""


@contextlib.contextmanager
def measured(output: Path) -> Iterator[None]:
    """Measure the processor time of the block, which writes the folder ``output`` or fails, and of its child processes;
    of a training that goes on after a kill, that of its last part."""
    before = sum(os.times()[:4])
    yield
    if output.exists():
        write_text(output / COST, json.dumps({"cpu_seconds": round(sum(os.times()[:4]) - before, 1)}) + "\n")


def cost_of(home: Path, artifact: str | None) -> float | None:
    """Return the seconds of processor time that the models in ``artifact``, below ``home``, cost; None where that was
    not measured."""
    file = home / (artifact or "") / COST
    return float(json.loads(file.read_text())["cpu_seconds"]) if artifact and file.exists() else None

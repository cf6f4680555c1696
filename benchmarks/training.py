"""Speed of one training step of the 3-D network on one thread: torch's layers beside the compiled kernel.

    python benchmarks/training.py

Prints one table in Markdown, for docs/training_speed.md. Both take turns in one process; clips a second of CPU, the
best of several steps. Peak memory is that of a process of its own.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from echomort.networks import _kernel, build_network

COMPILED = _kernel.LEVEL
CASES = [((60, 109, 150), 4), ((60, 109, 150), 16), ((30, 27, 37), 8)]
"""Clip (frames, height, width) and batch: the published size, and the demo's."""


def step_of(shape: tuple[int, int, int], batch: int) -> Callable[[str | None], None]:
    """Return one step, forward, backward and Adam, in float32, with a kernel (None: torch)."""
    torch.manual_seed(0)
    network = build_network("cnn_3d", shape).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (batch, *shape), dtype=np.uint8))
    labels = torch.arange(batch).remainder(2).float()

    def step(kernel: str | None) -> None:
        _kernel.LEVEL = kernel
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(pixels), labels).backward()
        optimizer.step()

    return step


def clips_a_second(
    work: Callable[[str | None], None], kernels: list[str | None], clips: int, repeats: int
) -> dict[str | None, float]:
    """Return the clips a second of CPU by kernel, taking turns."""
    best = dict.fromkeys(kernels, float("inf"))
    for _ in range(repeats + 1):
        for kernel in kernels:
            started = time.process_time()
            work(kernel)
            best[kernel] = min(best[kernel], time.process_time() - started)
    return {kernel: clips / seconds for kernel, seconds in best.items()}


def peak_memory(kernel: str | None, shape: tuple[int, int, int], batch: int) -> float:
    """Return the peak of a process that takes two steps, in GiB."""
    command = [sys.executable, __file__, "--only", str(kernel), *map(str, shape), str(batch)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--only", nargs=5, metavar=("KERNEL", "FRAMES", "HEIGHT", "WIDTH", "BATCH"), help="one peak")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.only:
        kernel, *numbers = given.only
        frames, height, width, batch = map(int, numbers)
        step = step_of((frames, height, width), batch)
        for _ in range(2):
            step(None if kernel == "None" else kernel)
        status = Path("/proc/self/status").read_text()  # Linux; getrusage would count the parent's memory too
        print(int(status.split("VmHWM:")[1].split()[0]) / 2**20)
        return
    kernels = [None, *_kernel.instruction_sets()]
    names = [kernel or "torch" for kernel in kernels]
    print(f"| clip, batch | {' | '.join(names)} | {names[1]} by torch | peak memory, torch | {names[1]} |")
    print("|---" * (len(names) + 4) + "|")
    for shape, batch in CASES:
        repeats = given.repeats * (1 if shape[0] == 60 else 10)
        speed = clips_a_second(step_of(shape, batch), kernels, batch, repeats)
        values = " | ".join(f"{value:.1f}" for value in speed.values())
        peaks = " | ".join(f"{peak_memory(kernel, shape, batch):.2f} GiB" for kernel in (None, COMPILED))
        case = f"{'x'.join(map(str, shape))}, {batch}"
        print(f"| {case} | {values} | {speed[COMPILED] / speed[None]:.1f} | {peaks} |", flush=True)


if __name__ == "__main__":
    main()

"""Speed of scoring clips with the 3-D network on one thread: torch's layers beside the compiled kernel.

    python benchmarks/inference.py

Prints one table in Markdown, for docs/training_speed.md: clips a second of CPU, both taking turns in one process, and
the largest difference of the logits.
"""

import argparse

import numpy as np
import torch
from training import clips_a_second

from echomort.models.view_model import score_clips
from echomort.networks import _kernel, build_network

COMPILED = _kernel.LEVEL
CASES = [((60, 109, 150), 1), ((60, 109, 150), 8), ((30, 27, 37), 64)]
"""Clip (frames, height, width) and batch: the published size, and the demo's."""


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=6)
    given = parser.parse_args()
    torch.set_num_threads(1)
    kernels = [None, *_kernel.instruction_sets()]
    names = [kernel or "torch" for kernel in kernels]
    print(f"| clip, batch | {' | '.join(names)} | {names[1]} by torch | largest difference of a logit |")
    print("|---" * (len(names) + 3) + "|")
    for shape, batch in CASES:
        torch.manual_seed(0)
        network = build_network("cnn_3d", shape)
        clips = np.random.default_rng(0).integers(0, 256, (batch, *shape), dtype=np.uint8)
        network.train()(torch.from_numpy(clips))  # statistics of these clips, so that logits are of a usual size
        logits = {}

        def score(kernel: str | None) -> None:
            _kernel.LEVEL = kernel
            logits[kernel] = score_clips(network, clips)  # noqa: B023

        speed = clips_a_second(score, kernels, batch, given.repeats)
        values = " | ".join(f"{value:.1f}" for value in speed.values())
        difference = np.abs(logits[COMPILED] - logits[None]).max()
        case = f"{'x'.join(map(str, shape))}, {batch}"
        print(f"| {case} | {values} | {speed[COMPILED] / speed[None]:.1f} | {difference:.1e} |", flush=True)


if __name__ == "__main__":
    main()

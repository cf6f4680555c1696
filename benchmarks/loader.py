"""Speed of reading training clips from the clip store on one thread, beside the two floors of the machine.

    python benchmarks/loader.py

Writes a store of synthetic clips of the published size, two a study, into a temporary folder and reads it as a training
does: first the index, for which every clip is compared with its digest, then batches in random order, from the page
cache. Prints one table in Markdown, for docs/training_speed.md: clips a second of CPU, the best of several passes.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from echomort.clips.store import write_study
from echomort.training.batches import Batches, Inputs
from echomort.training.pictures import index_file, read_index, write_index

SHAPE = (60, 109, 150)
BATCH = 16
LEAST = 5000
"""Clips a second of CPU that are asked for."""


def write_store(folder: Path, studies: int) -> tuple[list[str], list[str]]:
    """Write ``studies`` studies of two clips; return the path and the key of each clip."""
    generator = np.random.default_rng(0)
    paths, keys = [], []
    for number in range(studies):
        path, names = f"clips/{number % 64:02d}/{number}.safetensors", [f"{number}a", f"{number}b"]
        clips = {name: generator.integers(0, 256, SHAPE, dtype=np.uint8) for name in names}
        write_study(folder / path, clips)
        paths += [path] * 2
        keys += names
    return paths, keys


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Return the seconds of CPU of ``work``, the least of ``repeats``."""
    least = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        work()
        least = min(least, time.process_time() - started)
    return least


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, keys = write_store(folder, given.studies)
        index, count = index_file(folder, 0), len(keys)
        made = seconds_of(lambda: write_index(index, folder, paths, keys, SHAPE), 1)
        kept = seconds_of(lambda: write_index(index, folder, paths, keys, SHAPE), 1)
        batches = Batches(
            Inputs([read_index(index)]), np.zeros(count, int), (1.0, 1.0), np.arange(count), BATCH, seed=1
        )
        read = seconds_of(lambda: [None for _ in batches], given.repeats)
        clip, target = np.zeros((BATCH, *SHAPE), np.uint8), np.empty((BATCH, *SHAPE), np.uint8)
        copied = seconds_of(lambda: np.copyto(target, clip), 10 * given.repeats) / BATCH
    print("| | clips a second of CPU |\n|---|---|")
    for what, seconds in [
        ("index, every clip compared with its digest", made / count),
        ("index of a training that goes on", kept / count),
        (f"batches of {BATCH} in random order", read / count),
        ("floor: one copy of the bytes in memory", copied),
    ]:
        print(f"| {what} | {1 / seconds:,.0f} |")
    print(f"\n{'reached' if count / read >= LEAST else 'MISSED'}: at least {LEAST:,} clips a second of CPU")


if __name__ == "__main__":
    main()

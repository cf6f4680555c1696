"""Mutates echo files and reads them: whatever comes, the reader answers with a clip or a reason.

    python tests/fuzz_dicom.py 100000 --processes 2

A mutation is decided by its number alone, so a failure is repeated by that number (``--first N`` with a count of 1).
"""

from __future__ import annotations

import argparse
import collections
import json
import multiprocessing
import resource
import sys
import tempfile
from importlib import resources
from pathlib import Path

import numpy as np
from echo_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    HTJ2K,
    IMPLICIT,
    J2K_LOSSLESS,
    JPEG,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    RLE,
    EchoFile,
    sector_movie,
)

from echomort.dicom import Clip, Rejected, lit_outside_sector, read_clip, read_header

BATCH = 250
MEMORY = 3 << 30
INTERESTING = np.array([0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF], np.uint8)


def seeds(folder: Path) -> list[bytes]:
    """Small loops in every form, and the real one that pydicom ships."""
    movie = sector_movie(4, 48, 64)
    forms = [
        *((syntax, "MONOCHROME2") for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG, JPEG_LOSSLESS_SV1, JPEG_LS)),
        *((syntax, "RGB") for syntax in (EXPLICIT, J2K_LOSSLESS, HTJ2K, RLE)),
        (JPEG, "YBR_FULL_422"),
        (EXPLICIT, "PALETTE COLOR"),
        (BIG, "YBR_FULL"),
    ]
    tags = {"ViewName": "A4C", "FrameTimeVector": [0, 30, 40, 30]}
    loops = [EchoFile(movie, syntax, photometric, tags=tags) for syntax, photometric in forms]
    loops.append(EchoFile(movie, JPEG_LS, fragments=3, tags=tags))
    written = [loop.write(folder / "seed.dcm").read_bytes() for loop in loops]
    real = Path(str(resources.files("pydicom"))) / "data" / "test_files" / "examples_ybr_color.dcm"
    return [*written, real.read_bytes()]


def mutate(content: bytes, number: int) -> bytes:
    """Change bytes, mostly of the header; or cut, repeat, drop or insert a stretch."""
    random = np.random.default_rng(number)
    data = bytearray(content)
    for _ in range(int(random.integers(1, 6))):
        reach = len(data) if random.random() < 0.4 else min(len(data), 1800)
        at = int(random.integers(0, max(1, reach)))
        length = int(random.integers(1, 9))
        match int(random.integers(0, 8)):
            case 0 | 1 | 2:
                data[at : at + length] = random.bytes(length)
            case 3 | 4:
                data[at : at + length] = random.choice(INTERESTING, length).tobytes()
            case 5:
                del data[at : at + length]
            case 6:
                data[at:at] = random.bytes(length)
            case _:
                data = data[:at] if random.random() < 0.2 else data
    return bytes(data)


def outcome(path: Path) -> str:
    """Read the file both ways and return what it ended in; anything but a clip or a reason is a failure."""
    try:
        read_header(path)
        clip = read_clip(path)
    except Rejected as rejected:
        return rejected.reason.value
    assert isinstance(clip, Clip) and clip.pixels.shape == (60, 109, 150) and clip.pixels.dtype == np.uint8
    assert lit_outside_sector(clip) == 0 and 5 <= clip.fps <= 200
    return "accepted"


def run(first: int, count: int) -> collections.Counter[str]:
    """Read ``count`` mutations, beginning with number ``first``."""
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        originals, path = seeds(Path(folder)), Path(folder, "mutant.dcm")
        for number in range(first, first + count):
            path.write_bytes(mutate(originals[number % len(originals)], number))
            try:
                counts[outcome(path)] += 1
            except BaseException as error:
                raise RuntimeError(f"mutation {number}: {error!r}") from error
    return counts


def _limited(batch: tuple[int, int]) -> tuple[collections.Counter[str], int]:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return run(*batch), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    """Run many mutations in child processes and print the outcomes as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("count", type=int)
    arguments.add_argument("--first", type=int, default=0)
    arguments.add_argument("--processes", type=int, default=2)
    chosen = arguments.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    memory = 0
    end = chosen.first + chosen.count
    batches = [(start, min(BATCH, end - start)) for start in range(chosen.first, end, BATCH)]
    with multiprocessing.get_context("spawn").Pool(chosen.processes, maxtasksperchild=20) as pool:
        for found, peak in pool.imap_unordered(_limited, batches):
            counts += found
            memory = max(memory, peak)
            sys.stderr.write(f"\r{counts.total()} of {chosen.count}")
    report = {"mutations": sum(counts.values()), "peak_memory_mib": memory, "outcomes": dict(counts.most_common())}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

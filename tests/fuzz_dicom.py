"""Mutates echo files and reads them: whatever comes, the reader answers with a clip or a reason, soon.

    python tests/fuzz_dicom.py 100000 --processes 2
    python tests/fuzz_dicom.py 20000 --seeds real

The seeds are drawn loops in every form, or the real objects that pydicom, pydicom-data and deid-data ship, every other
of them ultrasound. A mutation is decided by its number alone, so a failure is repeated by that number (``--first N``
with a count of 1).
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import multiprocessing
import resource
import sys
import tempfile
import time
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
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from echomort.dicom import Clip, Rejected, lit_outside_sector, read_clip, read_header

BATCH = 250
MEMORY = 3 << 30
SECONDS = 10
"""CPU seconds that a mutation may take; the slowest seed takes a fifth of one."""

MAX_SEED = 1 << 20
"""Bytes (1 MiB) of a real object that is mutated as it is: larger ones tell no more, and are slow to write."""

SHORT_LOOP = 5
"""Frames that are kept of the large real loops."""

REAL_PACKAGES = ("pydicom", "data_store", "deid_data")
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


def real_seeds() -> list[bytes]:
    """The objects that pydicom, pydicom-data and deid-data ship, of all kinds; of their large loops a few frames."""
    found, loops = {}, []
    for package in REAL_PACKAGES:
        for path in sorted(Path(str(resources.files(package))).rglob("*")):
            if not path.is_file() or path.suffix == ".py":
                continue
            with path.open("rb") as file:
                is_dicom = file.read(132)[128:] == b"DICM"
            if is_dicom and path.stat().st_size <= MAX_SEED:
                found[path.name] = path.read_bytes()
            elif is_dicom and path.name in {"color3d_jpeg_baseline.dcm", "ultrasound-multiframe.dcm"}:
                loops.append(_short(path))
    others = [content for _, content in sorted(found.items())]
    ultrasound = [*loops, *filter(_is_ultrasound, others)]
    return [seed for place, other in enumerate(others) for seed in (ultrasound[place % len(ultrasound)], other)]


def _is_ultrasound(content: bytes) -> bool:
    """Whether it is an ultrasound image; the same packages hold many of a few bytes."""
    data = dcmread(io.BytesIO(content), stop_before_pixels=True, force=True)
    return data.get("Modality") == "US" and data.get("Rows", 0) > 1 and len(content) > data.Rows


def _short(path: Path) -> bytes:
    """Return the first frames of a loop, uncompressed ones at a third of their size."""
    data = dcmread(path)
    data.NumberOfFrames = SHORT_LOOP
    data.pop("FrameTimeVector", None)
    if data.file_meta.TransferSyntaxUID.is_compressed:
        frames = generate_frames(data.PixelData, number_of_frames=SHORT_LOOP)
        data.PixelData = encapsulate([next(frames) for _ in range(SHORT_LOOP)])
    else:
        pixels = data.pixel_array[:SHORT_LOOP, ::3, ::3]
        data.Rows, data.Columns = pixels.shape[1:3]
        data.PlanarConfiguration = 0
        data.PixelData = pixels.tobytes()
    written = io.BytesIO()
    data.save_as(written)
    return written.getvalue()


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
    assert lit_outside_sector(clip) == 0 and 5 <= clip.fps <= 400
    return "accepted"


def run(first: int, count: int, of: str = "drawn") -> collections.Counter[str]:
    """Read ``count`` mutations of the ``drawn`` or the ``real`` seeds, beginning with number ``first``."""
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        originals = real_seeds() if of == "real" else seeds(Path(folder))
        path = Path(folder, "mutant.dcm")
        for number in range(first, first + count):
            path.write_bytes(mutate(originals[number % len(originals)], number))
            start = time.process_time()
            try:
                counts[outcome(path)] += 1
                assert time.process_time() - start < SECONDS, "slow"
            except BaseException as error:
                raise RuntimeError(f"mutation {number}: {error!r}") from error
    return counts


def _limited(batch: tuple[int, int, str]) -> tuple[collections.Counter[str], int]:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return run(*batch), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    """Run many mutations in child processes and print the outcomes as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("count", type=int)
    arguments.add_argument("--first", type=int, default=0)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--seeds", choices=("drawn", "real"), default="drawn")
    chosen = arguments.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    memory = 0
    end = chosen.first + chosen.count
    batches = [(start, min(BATCH, end - start), chosen.seeds) for start in range(chosen.first, end, BATCH)]
    with multiprocessing.get_context("spawn").Pool(chosen.processes, maxtasksperchild=20) as pool:
        for found, peak in pool.imap_unordered(_limited, batches):
            counts += found
            memory = max(memory, peak)
            sys.stderr.write(f"\r{counts.total()} of {chosen.count}")
    report = {"mutations": sum(counts.values()), "peak_memory_mib": memory, "outcomes": dict(counts.most_common())}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

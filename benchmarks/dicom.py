"""From an echo file to a clip: CPU time, side by side with what pydicom's users do, and with the floor under it.

Run ``python benchmarks/dicom.py`` from the repository's root; ``--write docs/imaging_speed.md`` keeps the table. The
extra ``bench`` brings gdcm, the decoder that pydicom takes by default wherever it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import io
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import simplejpeg
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import iter_pixels, pixel_array

from echomort.dicom import Job, Rejected, read_clip, read_clips, read_header
from echomort.dicom.frames.compressed import EncapsulatedFrames
from echomort.dicom.frames.open import open_frames
from echomort.dicom.frames.samples import rgb_to_luma
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import open_object
from echomort.dicom.header.timing import resample
from echomort.dicom.scaling import blend
from echomort.settings import Imaging, Synthetic
from echomort.synth.archive import write_archive

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
REAL = Path(str(resources.files("data_store"))) / "data" / "color3d_jpeg_baseline.dcm"
SMALL_REAL = Path(str(get_testdata_file("examples_ybr_color.dcm")))
NOTES = """
CPU time, each way in a process of its own, the best of several runs, file in the page cache; ratios are medians over
turns, in which the ways make one clip after the other. Every way but the floor makes the same clip (region, area
filter, 30 a second, 60 frames of 109x150). The floor is libjpeg-turbo's grey decode of the frames that the clip needs,
and nothing else. echomort decodes the usual JPEG itself: luma and the small pictures in which it searches for colour
come from one pass. pydicom takes the first decoder installed of gdcm, pylibjpeg and Pillow, and turns YBR into RGB
unless told `raw`."""
Way = Callable[[Path], object]
TURNS = 15
"""Turns in which the ways of a loop are measured. Our choice."""


def clip_of(lumas: dict[int, np.ndarray], path: Path) -> np.ndarray:
    """Make the clip as a user of pydicom and Pillow would: crop, resize, blend, pad."""
    header = dcmread(path, stop_before_pixels=True)
    x0, y0, x1, y1 = 0, 0, header.Columns - 1, header.Rows - 1
    for box in header.get("SequenceOfUltrasoundRegions", [])[:1]:
        x0, y0, x1, y1 = (int(box[f"RegionLocation{corner}"].value) for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1"))
    plan = resample(int(header.NumberOfFrames), 1000 / float(header.FrameTime), (), 30.0, 60)
    small = {
        index: np.asarray(
            Image.fromarray(lumas[index][y0 : y1 + 1, x0 : x1 + 1]).resize((150, 109), Image.Resampling.BOX)
        )
        for index in plan.needed
    }
    clip = np.zeros((60, 109, 150), np.uint8)
    blended = blend(small, plan)
    clip[: len(blended)] = blended
    return clip


def needed_frames(path: Path) -> list[int]:
    """The frames that the clip needs."""
    return needed_of(read_header(path))


def needed_of(header: Header) -> list[int]:
    """The frames that the clip of such an object needs."""
    return list(resample(header.frames, header.fps or 0, header.timing.times, 30.0, 60).needed)


def pydicom_default(path: Path, plugin: str) -> np.ndarray:
    """What ``dcmread(path).pixel_array`` does with ``plugin``, then grey."""
    colour = pixel_array(path, decoding_plugin=plugin)
    return clip_of({index: rgb_to_luma(frame) for index, frame in enumerate(colour)}, path)


def pydicom_raw(path: Path, plugin: str) -> np.ndarray:
    """All frames without colour conversion, first channel: the best that a skilled user gets of the whole array."""
    luma = pixel_array(path, raw=True, decoding_plugin=plugin)[..., 0]
    return clip_of(dict(enumerate(luma)), path)


def pydicom_raw_needed(path: Path) -> np.ndarray:
    """The same, of the frames needed only."""
    needed = needed_frames(path)
    frames = iter_pixels(path, raw=True, decoding_plugin="pillow", indices=needed)
    return clip_of({index: frame[..., 0] for index, frame in zip(needed, frames, strict=True)}, path)


def luma_needed(path: Path) -> None:
    """What echomort's reader takes for the floor's frames: file opened, header read, frames counted, luma decoded."""
    with open_object(path) as source:
        frames = open_frames(source)
        for index in needed_of(frames.header):
            frames.luma(index)


@functools.cache
def jpegs_needed(path: Path) -> list[bytes]:
    """Return the compressed frames that the clip needs."""
    with open_object(path) as source:
        frames = open_frames(source)
        if not isinstance(frames, EncapsulatedFrames):
            raise TypeError("the floor is that of JPEG")
        return [frames.data(index) for index in needed_frames(path)]


def grey_floor(path: Path) -> None:
    """Decode the frames needed as grey by libjpeg-turbo, their bytes already in memory."""
    for frame in jpegs_needed(path):  # each is let go at once: keeping them costs a third more, in page faults
        simplejpeg.decode_jpeg(frame, "GRAY")


def headers(path: Path) -> None:
    """Read the header 200 times."""
    for _ in range(200):
        read_header(path)


def pydicom_headers(path: Path) -> None:
    """Read the header 200 times as pydicom's users do."""
    for _ in range(200):
        dcmread(path, stop_before_pixels=True)


def cpu_milliseconds(way: Way, path: Path, repeats: int) -> float:
    """Best CPU time of one call, in a fresh process, so that no way finds memory that another has left."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_best, (way, path, repeats))


def side_by_side(ways: list[Way], path: Path, turns: int = TURNS) -> list[np.ndarray]:
    """CPU time (ms) of each of ``ways`` in each of ``turns``: float (turns,). Each has a process of its own, and they
    take turns, so that a machine that is slower for a while is so for all."""
    with contextlib.ExitStack() as stack:
        pools = [stack.enter_context(multiprocessing.get_context("spawn").Pool(1)) for _ in ways]
        both = list(zip(pools, ways, strict=True))
        times = [[pool.apply(_best, (way, path, 1)) for pool, way in both] for _ in range(turns)]
    return list(np.array(times).T)


def ratio(some: np.ndarray, others: np.ndarray) -> float:
    """The median over the turns of one time through another."""
    return float(np.median(some / others))


def _best(way: Way, path: Path, repeats: int) -> float:
    way(path)
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        way(path)
        best = min(best, time.process_time() - start)
    return best * 1e3


def peak_mebibytes(name: str, path: Path) -> float:
    """Memory at its peak in a fresh process that makes one clip, less what the imports took."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name, path))


def _peak(name: str, path: Path) -> float:
    before = _high_water()
    WAYS[name](path)
    return (_high_water() - before) / 1024


def _high_water() -> int:
    """VmHWM in KiB: unlike ru_maxrss it begins anew with the process."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


PLUGINS = [plugin for plugin, module in (("gdcm", "gdcm"), ("pillow", "PIL")) if importlib.util.find_spec(module)]
OURS, BEST_PEER = "**echomort**", "pydicom raw, pillow"
WAYS: dict[str, Way] = {
    **{f"pydicom `pixel_array`, {plugin}": partial(pydicom_default, plugin=plugin) for plugin in PLUGINS},
    **{f"pydicom raw, {plugin}": partial(pydicom_raw, plugin=plugin) for plugin in PLUGINS},
    f"{BEST_PEER}, frames needed": pydicom_raw_needed,
    OURS: read_clip,
}


def synthetic(folder: Path, frame_size: Literal["small", "full"] = "full") -> Path:
    """The longest loop of a small synthetic archive: JPEG 4:2:2, as many bytes a frame as scanners write; the full size
    is 600x800."""
    folder.mkdir(parents=True, exist_ok=True)
    write_archive(folder / "archive", Synthetic(patients=10, frame_size=frame_size), processes=2)
    loops = {}
    for path in sorted((folder / "archive" / "dicom").rglob("*.dcm")):
        with contextlib.suppress(Rejected):
            header = read_header(path)
            loops[path] = header.frames if header.transfer_syntax == JPEG_BASELINE else 0
    return max(loops, key=lambda path: loops[path])


def longer(path: Path) -> Path:
    """Write the loop at ``path`` played twice: scanners keep two beats or three, where the archive keeps one second."""
    return changed(path, "longer", lambda frames: frames * 2)


def changed(path: Path, name: str, change: Callable[[list[bytes]], list[bytes]], **elements: object) -> Path:
    """Write the loop at ``path`` with other frames, and other ``elements`` of its header."""
    data = dcmread(path)
    frames = change(list(generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames))))
    data.PixelData, data.NumberOfFrames = encapsulate(frames), len(frames)
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    target = path.with_name(f"{name}.dcm")
    data.save_as(target)
    return target


def on_a_screen(frame: bytes) -> bytes:
    """Return a JPEG frame in the middle of a black screen of 768x1024."""
    picture = simplejpeg.decode_jpeg(frame, "RGB")
    screen = np.zeros((768, 1024, 3), np.uint8)
    top, left = (768 - picture.shape[0]) // 2, (1024 - picture.shape[1]) // 2
    screen[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return bytes(simplejpeg.encode_jpeg(screen, 90, "RGB", "422"))


def with_noise(frames: list[bytes], deviation: float = 3) -> list[bytes]:
    """Return JPEG frames with the noise of an analog grabber."""
    random = np.random.default_rng(0)
    pictures = (simplejpeg.decode_jpeg(frame, "RGB") for frame in frames)
    noisy = (picture + random.normal(0, deviation, (*picture.shape[:2], 1)) for picture in pictures)
    return [bytes(simplejpeg.encode_jpeg(np.clip(each, 0, 255).astype(np.uint8), 90, "RGB", "422")) for each in noisy]


def kinds(folder: Path) -> dict[str, Path]:
    """Return title -> loop: real ones, and drawn ones of several sizes and lengths."""
    full, small = synthetic(folder / "full"), synthetic(folder / "small", "small")
    real = Path(shutil.copy(SMALL_REAL, folder))
    return {
        "real, pydicom-data": REAL,
        "real, pydicom": SMALL_REAL,
        "real, pydicom, 5 frames": changed(real, "real_five", lambda frames: frames[:5]),
        "drawn": small,
        "drawn, noise": changed(small, "noise", with_noise),
        "drawn, noise, 5 frames": changed(small, "noise_five", lambda frames: with_noise(frames[:5])),
        "drawn, 5 frames": changed(small, "five", lambda frames: frames[:5]),
        "drawn, full size": full,
        "drawn, full size, 8 frames": changed(full, "eight", lambda frames: frames[:8]),
        "drawn, full size, twice": longer(full),
        "drawn, on a larger screen": changed(
            full,
            "screen",
            lambda frames: [on_a_screen(frame) for frame in frames],
            Rows=768,
            Columns=1024,
            SequenceOfUltrasoundRegions=[],
        ),
    }


def measure_kinds(loops: dict[str, Path]) -> None:
    """Print a row for each loop: echomort beside raw with Pillow of the frames needed, and beside the grey floor."""
    print("\n## Every kind of loop\n")
    print("Both times are CPU ms a clip; the floor is the grey decode of the frames needed.\n")
    print("| loop | size | frames | needed | pydicom raw, pillow, frames needed | echomort | times | share of floor |")
    print("|---|---|---|---|---|---|---|---|")
    times, shares = [], []
    for title, path in loops.items():
        header, needed = read_header(path), len(needed_frames(path))
        peer, ours, floor = side_by_side([pydicom_raw_needed, read_clip, grey_floor], path)
        times.append(ratio(ours, peer))
        shares.append(ratio(floor, ours))
        print(
            f"| {title} | {header.rows}x{header.columns} | {header.frames} | {needed} | {min(peer):.1f} | "
            f"{min(ours):.1f} | {times[-1]:.2f} | {shares[-1]:.0%} |"
        )
    print(
        f"\nAgainst raw with Pillow, which looks neither for the sector nor for colour nor for letters: median "
        f"{np.median(times):.2f}, most {max(times):.2f}. Share of the floor: median {np.median(shares):.0%}."
    )


def measure(title: str, path: Path, repeats: int) -> None:
    """Print the table of one file."""
    size, needed = path.stat().st_size / 1e6, len(needed_frames(path))
    print(f"\n{title}: {size:.1f} MB, {read_header(path).frames} frames, of which the clip needs {needed}\n")
    print("| way | CPU ms a clip | against echomort | MB of file a CPU s | peak MiB |\n|---|---|---|---|---|")
    times = {name: cpu_milliseconds(way, path, 2 if "`" in name else repeats) for name, way in WAYS.items()}
    turns = side_by_side([read_clip, grey_floor, luma_needed], path)
    ours, floor, reading = map(min, turns)
    times[OURS] = ours
    for name, spent in times.items():
        peak = peak_mebibytes(name, path)
        print(f"| {name} | {spent:.1f} | {spent / ours:.1f} | {size / spent * 1e3:.0f} | {peak:.0f} |")
    print(f"| echomort's reader alone: the frames needed, as luma | {reading:.1f} | {reading / ours:.2f} | | |")
    print(f"| floor: grey decode of the frames needed | {floor:.1f} | {floor / ours:.2f} | | |\n")
    print(
        f"{times[next(iter(WAYS))] / ours:.0f} times as fast as pydicom's default here, {times[BEST_PEER] / ours:.1f} "
        f"times as raw with Pillow. The reader alone is at {ratio(turns[1], turns[2]):.0%} of the floor, the whole "
        f"clip at {ratio(turns[1], turns[0]):.0%}."
    )


def measure_headers(path: Path) -> None:
    """Print headers a CPU second."""
    ours, theirs = side_by_side([headers, pydicom_headers], path)
    times = ratio(theirs, ours)
    print(
        f"\nHeaders: {200 / min(ours) * 1e3:.0f} a CPU second, {times:.1f} times as many as pydicom's `dcmread` reads."
    )


def measure_processes(path: Path, clips: int = 240) -> None:
    """Print the wall time of one and of two decode processes."""
    walls = {}
    for processes in (1, 2):
        list(read_clips([Job(path)] * processes, Imaging(), processes))
        start = time.perf_counter()
        list(read_clips([Job(path)] * clips, Imaging(), processes))
        walls[processes] = time.perf_counter() - start
    print(
        f"\n{clips} clips by child processes: one {walls[1]:.1f} s, two {walls[2]:.1f} s of wall time, start included: "
        f"{walls[1] / walls[2]:.2f} times as fast."
    )


def report(repeats: int) -> None:
    """Print everything."""
    print("# Speed of imaging\n\nMade by `python benchmarks/dicom.py --write docs/imaging_speed.md`.")
    print(NOTES)
    measure("The real loop that pydicom-data ships", REAL, repeats)
    with tempfile.TemporaryDirectory() as folder:
        loop = synthetic(Path(folder))
        measure("A loop of the synthetic archive, 600x800, 50 frames a second", loop, repeats)
        measure("The same loop played twice, as long as scanners keep them", longer(loop), repeats)
        measure_kinds(kinds(Path(folder) / "kinds"))
    measure_headers(REAL)
    measure_processes(REAL)


def main() -> None:
    """Print the report, or keep it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", type=Path)
    arguments.add_argument("--repeats", type=int, default=5)
    chosen = arguments.parse_args()
    if chosen.write is None:
        report(chosen.repeats)
        return
    kept = io.StringIO()
    with contextlib.redirect_stdout(kept):
        report(chosen.repeats)
    chosen.write.write_text(kept.getvalue())


if __name__ == "__main__":
    main()

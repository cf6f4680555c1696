"""How fast the synthetic archive is written: cine loops a second on one core, from latent heart to DICOM file.

Run ``python benchmarks/synth.py`` from the repository's root. Targets: 6 loops a second at 300x400x30 and 1 at
600x800x45.
"""

import tempfile
import time
from pathlib import Path

from echomort.settings import Synthetic
from echomort.synth.beam import SECTORS
from echomort.synth.cohort import draw_patient
from echomort.synth.session import HOSPITALS, MODELS, Session

SIZES = (("small", 30, 60, 6), ("full", 45, 16, 1))
"""Frame size, frames a loop is reckoned to have, loops written, and the target in loops a second."""


def main() -> None:
    """Print one line a size."""
    for frame_size, frames, count, target in SIZES:
        sector = SECTORS[frame_size]
        with tempfile.TemporaryDirectory() as folder:
            frames_a_second, bytes_a_frame = _write(Synthetic(frame_size=frame_size), count, Path(folder))
        print(
            f"{sector.rows}x{sector.columns}x{frames}: {frames_a_second / frames:.1f} loops/s (target {target}), "
            f"{bytes_a_frame * frames / 1e6:.2f} MB a loop"
        )


def _write(synthetic: Synthetic, count: int, folder: Path) -> tuple[float, float]:
    """Write ``count`` loops as they come; return frames a second and bytes a frame. The first one warms up."""
    _record(synthetic, 0, folder)
    start, frames, size = time.perf_counter(), 0, 0
    for number in range(1, count + 1):
        written = _record(synthetic, number, folder)
        frames, size = frames + written[0], size + written[1]
    return frames / (time.perf_counter() - start), size / frames


def _record(synthetic: Synthetic, number: int, folder: Path) -> tuple[int, int]:
    session = Session(synthetic, draw_patient(synthetic.seed, number), 0, MODELS[0], HOSPITALS[0])
    content, instance = session.record("loop", synthetic.views[number % len(synthetic.views)], 1)
    (folder / f"{number}.dcm").write_bytes(content)
    return instance.frames, len(content)


if __name__ == "__main__":
    main()

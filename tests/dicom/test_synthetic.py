"""The synthetic archive says what each of its files should come to; the reader, which knows nothing of it, agrees."""

from pathlib import Path

import pandas as pd
import pytest

from echomort.dicom import Clip, Job, discover, lit_outside_sector, read_clips
from echomort.settings import Imaging, Synthetic
from echomort.synth.archive import write_archive


@pytest.mark.slow
def test_every_file_of_the_synthetic_archive_comes_to_what_its_truth_says(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    write_archive(root, Synthetic(patients=10), 1, None)
    truth = pd.read_parquet(root / "truth" / "instance.parquet").set_index("path")
    files = [f"dicom/{name}" for name in discover(root / "dicom")]
    assert set(files) == set(truth.index)
    read = 0
    for job, outcome in read_clips([Job(root / name, key=name) for name in files], Imaging(), 2):
        expected = truth.loc[job.key]
        read += 1
        if isinstance(outcome, Clip):
            assert expected["expected_status"] == "accepted", job.key
            assert outcome.view == expected["view"] and outcome.frames == expected["frames"]
            assert outcome.fps == pytest.approx(expected["fps"], rel=0.02)
            assert lit_outside_sector(outcome) == 0
        else:
            assert (expected["expected_status"], expected["expected_reason"]) == ("rejected", outcome.reason.value)
    assert read == len(truth)

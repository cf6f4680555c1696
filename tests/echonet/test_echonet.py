"""EchoNet-Dynamic's clips: the published preprocessing, what is refused, a list scored, risk by ejection fraction."""

import csv
import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from echomort.core.errors import UserError
from echomort.dicom.saved import Unusable
from echomort.echonet.avi import MAX_BYTES, grey_of, read_avi
from echomort.echonet.by_ef import risk_by_ef, risk_by_ef_svg
from echomort.echonet.file_list import read_file_list
from echomort.echonet.scores import NOT_A_RISK, score_list, score_paths
from echomort.models.keras import load_published
from echomort.models.view_model import save_network, score_clips
from echomort.networks import build_network
from orchestration.cli.__main__ import app
from orchestration.cli.weights import score

av = pytest.importorskip("av", reason="the extra `video` is not installed")


def avi(path: Path, movie: np.ndarray, fps: int = 50, codec: str = "rawvideo", pixels: str = "bgr24") -> Path:
    """Write ``movie``, uint8 (frames, rows, columns) or with a last axis of colours."""
    out = io.BytesIO()
    with av.open(out, "w", format="avi") as file:
        stream = file.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = movie.shape[1], movie.shape[2], pixels
        for frame in movie if movie.ndim == 4 else np.repeat(movie[..., None], 3, -1):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        file.mux(stream.encode())
    path.write_bytes(out.getvalue())
    return path


def moving(frames: int = 30, rows: int = 112, columns: int = 112) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, rows, columns), dtype=np.uint8)


def test_a_clip_of_112x112_is_cut_below_and_centred_between_zeros(tmp_path: Path) -> None:
    movie = moving()
    clip = read_avi(avi(tmp_path / "a.avi", movie, fps=30))
    assert clip.pixels.shape == (60, 109, 150) and clip.pixels.dtype == np.uint8 and (clip.frames, clip.fps) == (30, 30)
    np.testing.assert_array_equal(clip.pixels[:30, :, 19:131], movie[:, :109])
    assert not clip.pixels[:, :, :19].any() and not clip.pixels[:, :, 131:].any() and not clip.pixels[30:].any()


def test_another_rate_is_resampled_with_both_ends_kept_and_cut_after_two_seconds(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(200, dtype=np.uint8), 112 * 112).reshape(200, 112, 112)
    clip = read_avi(avi(tmp_path / "a.avi", ramp, fps=50))
    times = np.linspace(0, 199, round(200 * 30 / 50))[:60]
    assert np.abs(clip.pixels[:, 50, 75] - np.floor(times)).max() <= 1 and clip.pixels[0, 50, 75] == 0
    short = read_avi(avi(tmp_path / "b.avi", ramp[:50], fps=50)).pixels[:, 50, 75]
    assert short[29] == 49 and not short[30:].any(), "a second of 50 frames becomes 30, the last one copied"


def test_other_sizes_are_scaled_bilinearly_without_keeping_their_aspect(tmp_path: Path) -> None:
    across = np.broadcast_to(np.linspace(0, 250, 300), (10, 218, 300)).astype(np.uint8)
    clip = read_avi(avi(tmp_path / "a.avi", across, fps=30)).pixels
    expected = (across[0, 0, 0::2].astype(float) + across[0, 0, 1::2]) / 2
    assert np.abs(clip[3, 60] - expected).max() <= 1 and (clip[:10] == clip[0, 0]).all()


def test_grey_is_the_luma_of_the_colours(tmp_path: Path) -> None:
    colours = np.zeros((10, 112, 112, 3), np.uint8)
    colours[..., 0], colours[:, :, 56:, 1] = 200, 100
    clip = read_avi(avi(tmp_path / "a.avi", colours, fps=30)).pixels
    assert (clip[0, 0, 19], clip[0, 0, 130]) == (60, 119), "0.299 x 200, and 0.587 x 100 more: 59.8 and 118.5"
    every = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    fixed = (every.astype(int) @ [4899, 9617, 1868] + 8192) >> 14  # the 14-bit arithmetic that OpenCV documents
    assert np.abs(grey_of(every).astype(int) - fixed).max() <= 1 and (grey_of(every) == fixed).mean() > 0.99


def test_motion_jpeg_as_the_data_set_has_it_is_read(tmp_path: Path) -> None:
    smooth = (np.add.outer(np.arange(112), np.arange(112)) + np.zeros((20, 1, 1))).astype(np.uint8)
    clip = read_avi(avi(tmp_path / "a.avi", smooth, 50, "mjpeg", "yuvj420p"))
    assert np.abs(clip.pixels[:12, :, 19:131].astype(int) - smooth[0, :109]).max() <= 10, "as coarse as its quality"
    assert (clip.frames, clip.fps) == (20, 50)


def mp4(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode())


def half(path: Path) -> None:
    content = avi(path, moving(40)).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def lacking(path: Path) -> None:
    """A file whose stream header declares more frames (dwLength) than it holds."""
    content = bytearray(avi(path, moving(4), codec="mjpeg", pixels="yuvj420p").read_bytes())
    at = content.index(b"strh") + 8 + 32
    assert int.from_bytes(content[at : at + 4], "little") == 4
    content[at : at + 4] = (40).to_bytes(4, "little")
    path.write_bytes(content)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda path: path.write_bytes(b""), "not_avi"),
        (lambda path: path.write_text("<html>sign in</html>"), "not_avi"),
        (mp4, "not_avi"),
        (lambda path: path.write_bytes(b"RIFF" + bytes(4) + b"WAVEfmt "), "not_avi"),
        (lambda path: path.write_bytes(b"RIFF" + bytes(4) + b"AVI " + bytes(5000)), "bad_frame"),
        (half, "bad_frame"),
        (lacking, "frame_count"),
        (huge, "too_large"),
        (lambda path: avi(path, moving(4), fps=2), "bad_frame_rate"),
        (lambda path: path.mkdir(), "unreadable_file"),
        (lambda path: None, "unreadable_file"),
    ],
)
def test_what_is_no_clip_has_its_reason_and_a_remedy(tmp_path: Path, made: object, reason: str) -> None:
    made(tmp_path / "a.avi")  # type: ignore[operator]
    with pytest.raises(Unusable) as unusable:
        read_avi(tmp_path / "a.avi")
    assert unusable.value.reason == reason and len(unusable.value.remedy) > 20


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `weights import` leaves it, with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    content = save_network(build_network("cnn_3d", (60, 109, 150)))
    (folder / "weights.safetensors").write_bytes(content)
    entry = {"file": "weights.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
    card = {"view": "apical_4", "network": "cnn_3d", "shape": [60, 109, 150], "weights": entry, "source": {}}
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def test_a_folder_is_scored_in_order_and_a_bad_file_is_a_row(weights: Path, tmp_path: Path) -> None:
    avi(tmp_path / "b.AVI", moving())
    (tmp_path / "a.avi").write_bytes(b"no video")
    (tmp_path / "notes.txt").write_text("not scored")
    bad, good = score_paths([tmp_path], weights)
    assert (bad.status, bad.reason, bad.risk) == ("rejected", "not_avi", None)
    clip = read_avi(tmp_path / "b.AVI").pixels
    assert good.logit == score_clips(load_published(weights), clip[None])[0]
    assert good.risk == pytest.approx(1 / (1 + np.exp(-good.logit))) and good.note == NOT_A_RISK
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no \.avi file"):
        list(score_paths([tmp_path / "empty"], weights))


def test_the_command_prints_the_risk_and_what_it_is_not(weights: Path, tmp_path: Path) -> None:
    avi(tmp_path / "a.avi", moving())
    arguments = ["predict", str(tmp_path / "a.avi"), "--weights", str(weights)]
    shown = CliRunner().invoke(app, arguments).output
    assert "uncalibrated" in shown and "apical_4 (assumed)" in shown and "30 frames at 50.0/s" in shown
    assert "not a calibrated risk" in shown and "other patients" in shown
    record = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert 0 < record["risk"] < 1 and record["note"] == NOT_A_RISK
    refused = CliRunner().invoke(app, [*arguments, "--view", "apical_2"]).exception
    assert isinstance(refused, UserError) and "apical 4" in str(refused)


def test_without_a_library_the_extra_to_install_is_named(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    avi(tmp_path / "a.avi", moving(4))
    (tmp_path / "model.h5").write_bytes(b"HDF")
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"pip install 'echomort\[video\]'"):
        list(score_paths([tmp_path], weights))
    with pytest.raises(UserError, match=r"pip install 'echomort\[weights\]'"):
        load_published(tmp_path / "model.h5")


def data_set(folder: Path, rows: list[tuple[str, str]]) -> Path:
    (folder / "Videos").mkdir()
    with (folder / "FileList.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("FileName", "EF", "ESV", "FPS", "Split"), *((*row, "1", "50", "TRAIN") for row in rows)])
    return folder / "FileList.csv"


def test_a_list_is_scored_with_risk_beside_ef_and_a_missing_clip_is_a_row(weights: Path, tmp_path: Path) -> None:
    listed = data_set(tmp_path, [("0X1A", "57.25"), ("0X2B.avi", "30"), ("0X3C", "66")])
    for name in ("0X1A", "0X2B"):
        avi(tmp_path / "Videos" / f"{name}.avi", moving())
    seen: list[tuple[int, int]] = []
    scores = score_list(read_file_list(listed), weights, lambda done, total: seen.append((done, total)))
    assert scores["file_name"].tolist() == ["0X1A", "0X2B", "0X3C"] and scores["ef"].tolist() == [57.25, 30, 66]
    assert scores["reason"].isna().tolist() == scores["risk"].notna().tolist() == [True, True, False]
    assert scores["reason"][2] == "unreadable_file"
    assert seen == [(1, 3), (2, 3), (3, 3)]
    told = CliRunner().invoke(
        app, ["weights", "score", str(listed), "--weights", str(weights), "-o", str(tmp_path / "o")]
    )
    assert "2 clips scored, 1 rejected" in told.output and "not a calibrated risk" in told.output
    written = pd.read_csv(tmp_path / "o" / "scores.csv")
    assert written["risk"].tolist()[:2] == pytest.approx(scores["risk"].tolist()[:2])
    assert (tmp_path / "o" / "risk_by_ef.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("../secret", "50"), "row 2: FileName"),
        (("", "50"), "row 2: FileName"),
        (("a\\b", "50"), "row 2: FileName"),
        (("0X1A", "high"), "row 2: EF"),
        (("0X1A", "0"), "row 2: EF"),
        (("0X1A", "nan"), "row 2: EF"),
        (("0X1A", "101"), "row 2: EF"),
    ],
)
def test_a_row_that_names_no_clip_or_no_fraction_is_refused(tmp_path: Path, row: tuple[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_file_list(data_set(tmp_path, [row]))


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "FileList.csv").write_text("file,ef\na,50\n")
    with pytest.raises(UserError, match="no column FileName"):
        read_file_list(tmp_path / "FileList.csv")


def test_the_bins_include_their_upper_edge_and_an_empty_one_has_no_figure() -> None:
    scores = pd.DataFrame({"ef": [10, 35, 35.1, 50, 65, 66, 70], "risk": [0.9, 0.7, 0.6, 0.4, 0.2, np.nan, 0.1]})
    by_ef = risk_by_ef(scores)
    assert by_ef["clips"].tolist() == [2, 2, 1, 1, 0]
    assert by_ef["median"].tolist()[:4] == pytest.approx([0.8, 0.5, 0.2, 0.1]) and by_ef["median"].isna().tolist()[4]
    assert by_ef["share_above_half"].tolist()[:2] == [1, 0.5]
    assert "n = 0" in risk_by_ef_svg(scores) and risk_by_ef_svg(scores) == risk_by_ef_svg(scores)


def test_a_folder_that_holds_something_else_is_not_replaced_by_scores(tmp_path):
    own, weights = tmp_path / "papers", tmp_path / "weights"
    for folder in (own, weights):
        folder.mkdir()
    (own / "thesis.txt").write_text("the only copy")
    (tmp_path / "FileList.csv").write_text("FileName,EF\n")
    with pytest.raises(UserError, match="holds no scores"):
        score(tmp_path / "FileList.csv", weights, own)
    assert (own / "thesis.txt").read_text() == "the only copy"

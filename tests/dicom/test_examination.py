"""What a loop is of: other examinations are told from hearts, and no heart is lost; stress, contrast, continuity."""

from pathlib import Path

import numpy as np
import pytest
from echo_files import JPEG, EchoFile, sector_movie

from echomort.dicom import Reason, Rejected, read_clip
from echomort.dicom.header.examination import ExaminationTags, resolve_examination
from echomort.dicom.saved import Unusable, convert_pixels, load_clip, save_clip
from echomort.dicom.tissue.continuity import block_means, continuity_notes, likeness
from echomort.settings import ClipSettings

FOREIGN = {
    "carotid": "US CAROTID DOPPLER, Carotid Duplex, Duplex Karotis, Doppler carotides, CAROTID ARTERY BILAT, "
    "Écho-Doppler des TSA, Doppler des troncs supra-aortiques, Ecodoppler tronchi sovraaortici, Duplex Halsgefäße",
    "vascular": "US DVT LOWER EXTREMITY, Venous Duplex, Renal artery duplex, US AORTA, Aortic ultrasound, "
    "Eco-color-Doppler arti inferiori, Écho-doppler veineux, Duplex Beinvenen, Ecodoppler miembros inferiores",
    "fetal": "Fetal Echo, FETAL ECHOCARDIOGRAM, Foetal heart, Echo fetus, Échographie fœtale, Fötale Echokardiographie",
    "obstetric": "OBSTETRIC US, Second trimester, Échographie obstétricale, Nuchal scan, Ecografia ostetrica, "
    "Schwangerschaft, Grossesse",
    "abdominal": "US ABDOMEN COMPLETE, Liver, Renal US, Pelvis, Transvaginal US, Ecografia addome, Sono Oberbauch, "
    "Échographie du foie, FAST exam, eFAST",
    "lung": "Lung US, LUNG, Sono Lunge, Ecografia polmone",
    "small_parts": "THYROID, US Thyroid, Breast left, Ecografia tiroide, Sono Schilddrüse",
    "musculoskeletal": "MSK shoulder right, Sono Knie, Ecografia spalla, Échographie genou",
    "head": "Transcranial doppler, TCD",
}
HEARTS = (
    "TTE, Echocardiogram, ECHO COMPLETE, Adult Echo, Cardiac, Herzecho, Echokardiographie, Échocardiographie, Heart, "
    "Ecocardiograma, Stress Echo, TTE Congenital, Echo limited, Transthoracic echo with doppler, Echo Doppler, "
    "Ecocardiogramma color doppler, Ecocolordoppler cardiaco, Échographie cardiaque, Échocardiographie d'effort, "
    "Eco da sforzo, Transthorakale Echokardiographie, Belastungsecho, Herzultraschall, TTE aorta ascendente, "
    "Echo Mitral seno coronarico, TTE arterielle Hypertonie, Écho-Doppler cardiaque, TTE insufficienza polmonare"
)
OPEN = (
    "Echo and carotid, TTE r/o carotid, Echocardiogram + abdomen, no carotid, Cardiac / lung, Stress Echo vs carotid, "
    "Mitral valve liver transplant, Echo (renal failure), Maternal fetal medicine echo, TTE second trimester"
)
SILENT = ", Doppler, US, Routine, Exam 7, portable, ICU, Study, CHEST"


def listed(texts: str) -> list[str]:
    return [text.strip() for text in texts.split(",")]


def kind(**tags: object) -> str:
    return resolve_examination(ExaminationTags(**tags)).kind


@pytest.mark.parametrize("where", ["series", "study"])
@pytest.mark.parametrize("expected", FOREIGN)
def test_other_examinations_are_told(expected: str, where: str) -> None:
    texts = listed(FOREIGN[expected])
    assert {text: kind(**{where: (text,)}) for text in texts} == dict.fromkeys(texts, expected)


@pytest.mark.parametrize("where", ["series", "study"])
def test_no_heart_is_lost(where: str) -> None:
    found = {text: kind(**{where: (text,)}) for text in listed(HEARTS)}
    assert found == dict.fromkeys(listed(HEARTS), "cardiac")
    assert {kind(**{where: (text,)}) for text in listed(SILENT)} == {"unstated"}


@pytest.mark.parametrize("text", listed(OPEN))
def test_a_text_that_is_not_clear_rejects_nothing(text: str) -> None:
    found = resolve_examination(ExaminationTags(study=(text,)))
    if found.is_foreign:  # the text alone is open: a note says so
        assert "examination_disputed" in found.notes
    assert not found.is_foreign


def test_the_series_counts_before_the_study_and_a_view_before_both() -> None:
    assert kind(series=("Carotid L",), study=("TTE",)) == "carotid"
    assert kind(series=("PLAX zoom", "parasternal"), study=("US carotid",)) == "cardiac"
    found = resolve_examination(ExaminationTags(study=("US carotid",), is_cardiac=True))
    assert (found.kind, found.notes) == ("cardiac", ("examination_disputed",))


def test_the_views_of_a_fetal_heart_are_no_adult_s() -> None:
    assert kind(study=("Fetal echo",), shows_view=True) == "fetal"
    assert kind(study=("Fetal echo",), is_cardiac=True) == "cardiac"
    assert kind(study=("Obstetric US",), shows_view=True) == "cardiac"


STAGES = {
    ("Rest", "Stress Echo"): ("rest", False),
    ("Baseline", "DSE"): ("rest", False),
    ("Peak", "Stress Echo"): ("peak", True),
    ("Low Dose", "Dobutamine stress"): ("low", True),
    ("Recovery", ""): ("recovery", True),
    ("", "Stress echo"): ("", True),
    ("", "TTE, no stress"): ("", False),
    ("", "TTE"): ("", False),
    ("Post", "TTE"): ("post", False),
    ("Pre Peak", "Stress Echo"): ("low", True),
    ("IPOST", "Stress Echo"): ("peak", True),
    ("Picco", "Eco da sforzo"): ("peak", True),
    ("Pre-picco", "Eco da sforzo"): ("low", True),
    ("Basale", "Eco da sforzo"): ("rest", False),
    ("", "Échocardiographie d'effort"): ("", True),
}


@pytest.mark.parametrize(("said", "expected"), STAGES.items())
def test_stages_and_stress(said: tuple[str, str], expected: tuple[str, bool]) -> None:
    found = resolve_examination(ExaminationTags(stage=said[0], study=(said[1],)))
    assert (found.stage, "stress" in found.notes) == expected


@pytest.mark.parametrize(
    ("agent", "text", "expected"),
    [
        ("DEFINITY", "", True), ("Lumason 2 ml", "", True), ("NONE", "", False), ("no", "", False), ("", "TTE", False),
        ("", "TTE with contrast", True), ("", "TTE without contrast", False), ("", "LVO", True),
        ("", "Bubble study", True), ("", "non-contrast", False),
    ],
)  # fmt: skip
def test_contrast(agent: str, text: str, expected: bool) -> None:
    found = resolve_examination(ExaminationTags(agent=agent, study=(text,)))
    assert ("contrast" in found.notes) is expected


def loop(path: Path, movie: np.ndarray | None = None, syntax: str = JPEG, **tags: object) -> Path:
    tags = {"ImageType": ["ORIGINAL", "PRIMARY"]} | tags
    return EchoFile(sector_movie(70, 240, 320) if movie is None else movie, syntax, tags=tags).write(path)


@pytest.mark.parametrize("keyword", ["StudyDescription", "SeriesDescription", "BodyPartExamined", "ProtocolName"])
def test_a_carotid_gives_no_clip_and_a_heart_does(keyword: str, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as rejected:
        read_clip(loop(tmp_path / "loop.dcm", **{keyword: "CAROTID"}))
    assert rejected.value.reason is Reason.NOT_CARDIAC
    clip = read_clip(loop(tmp_path / "loop.dcm", **{keyword: "CAROTID"}, ViewName="A4C"))
    assert (clip.examination, clip.view) == ("cardiac", "apical_4") and "examination_disputed" in clip.notes
    assert read_clip(loop(tmp_path / "loop.dcm", **{keyword: "HEART"})).examination == "cardiac"


def test_the_texts_themselves_are_not_kept(tmp_path: Path) -> None:
    clip = read_clip(
        loop(tmp_path / "loop.dcm", StudyDescription="TTE Jane Doe", ContrastBolusAgent="Doe", StageName="Doe")
    )
    assert "doe" not in repr(clip).lower() and clip.stage == ""


LIVE = sector_movie(70, 240, 320)
SCENES = {
    "plain": (LIVE, set()),
    "frozen": (np.concatenate([LIVE[:30], np.repeat(LIVE[30:31], 40, axis=0)]), {"frozen"}),
    "black": (np.concatenate([np.zeros_like(LIVE[:10]), LIVE]), {"black_frames"}),
    "mostly_black": (np.concatenate([LIVE[:20], np.zeros_like(LIVE[:30])]), {"black_frames"}),
    "short": (LIVE[:20], set()),
    "held once": (np.repeat(LIVE[:35], 2, axis=0), set()),
}
CONTINUITY = {"frozen", "black_frames", "scene_change", "gap"}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("fps", [30.0, 25.0])
def test_continuity(name: str, fps: float, tmp_path: Path) -> None:
    movie, expected = SCENES[name]
    clip = read_clip(loop(tmp_path / "loop.dcm", movie, FrameTime=1000 / fps))
    assert CONTINUITY & set(clip.notes) == expected


def test_another_scene_is_a_change_wherever_it_comes() -> None:
    random = np.random.default_rng(1)
    sector = np.ones((80, 100), bool)
    one, other = (np.kron(random.integers(20, 200, (10, 10)), np.ones((8, 10))) for _ in range(2))
    noise = random.normal(0, 8, (60, 80, 100))
    for cut in (5, 6, 7, 30, 50):
        mixed = np.array([one if index < cut else other for index in range(60)])
        mixed[cut] = (one + other) / 2  # as resampling blends two frames
        pixels = np.clip(mixed + noise, 0, 255).astype(np.uint8)
        assert continuity_notes(pixels, sector, ()) == ("scene_change",)
    steady = np.clip(one + noise, 0, 255).astype(np.uint8)
    assert continuity_notes(steady, sector, ()) == ()


@pytest.mark.parametrize(("steps", "expected"), [([33] * 9, False), ([33, 33, 2000, 33], True), ([30, 60, 90], False)])
def test_a_gap_in_time(steps: list[int], expected: bool) -> None:
    pixels, sector = np.full((3, 8, 8), 9, np.uint8), np.ones((8, 8), bool)
    assert ("gap" in continuity_notes(pixels, sector, np.cumsum([0, *steps]).tolist())) is expected


def test_a_setting_leaves_loops_out_by_their_notes(tmp_path: Path) -> None:
    path = loop(tmp_path / "loop.dcm", ContrastBolusAgent="DEFINITY")
    assert "contrast" in read_clip(path, ClipSettings(leave_out=("stress", "apex_below"))).notes
    with pytest.raises(Rejected) as rejected:
        read_clip(path, ClipSettings(leave_out=("stress", "contrast")))
    assert (rejected.value.reason, rejected.value.detail) == (Reason.LEFT_OUT, "contrast")
    turned = loop(tmp_path / "turned.dcm", LIVE[:, ::-1])
    with pytest.raises(Rejected, match="apex_below"):
        read_clip(turned, ClipSettings(leave_out=("apex_below",)))


def test_a_saved_clip_is_left_out_too(tmp_path: Path) -> None:
    clip = read_clip(loop(tmp_path / "loop.dcm", ContrastBolusAgent="DEFINITY"))
    save_clip(tmp_path / "00001.npy", clip, ClipSettings())
    saved = load_clip(tmp_path / "00001.npy")
    assert convert_pixels(saved, ClipSettings())[1] is None
    with pytest.raises(Unusable, match="left_out"):
        convert_pixels(saved, ClipSettings(leave_out=("contrast",)))


@pytest.mark.parametrize(("side", "shape"), [(4, (3, 55, 75)), (1, (2, 5, 7)), (3, (1, 30, 31)), (8, (2, 7, 90))])
def test_block_means_are_those_of_numpy(side: int, shape: tuple[int, int, int]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rows, columns = shape[1] // side, shape[2] // side
    whole = pictures[:, : rows * side, : columns * side].reshape(shape[0], rows, side, columns, side)
    assert (block_means(pictures, side) == whole.mean(axis=(2, 4), dtype=np.float32)).all()


def test_likeness_is_the_correlation() -> None:
    one, other = np.random.default_rng(0).random((2, 9, 30)).astype(np.float32)
    assert likeness(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-5)
    flat = np.full((9, 30), 7, np.float32)
    assert likeness(flat, flat) == 1.0 and likeness(one, flat) == 0.0

"""Loops from the oesophagus or from inside the heart are told from transthoracic ones, and none of those is lost."""

from pathlib import Path

import pytest
from echo_files import EchoFile, regions, sector_movie
from pydicom.dataset import Dataset

from echomort.dicom import Reason, Rejected, read_clip, read_header
from echomort.dicom.header.approach import BY_TEXT, Approach, ApproachTags, resolve_approach

ELSEWHERE_PROBES = (
    "X7-2t, X8_2t, S7_3t, S8-3t, S7-2omni, Omni III, 6Tc, 6Tc-RS, 6VT-D, 6T-RS, 9T, 10T-D, V5Ms, Z6Ms, V7M, "
    "PET-512MC, P7-3Ts, AcuNav 8F"
)
CHEST_PROBES = (
    "S5_1, S5-1, X5-1, S4-2, P4-2, M5Sc-D, M5S-D, M4S-RS, M3S, 4V-D, 4Vc-D, 3V, 4V1c, 4P1, 4Z1c, PST-30BT, PST-25BT"
)
OTHER_PROBES = "C5-1, L12-3, S12-4, D2cwc, S8-3, 12S, 6S, i6SX1, 5P1, 9L, ML6-15, , 17"
SAYS_SO = (
    "TEE, TOE, Transesophageal, Transoesophageal echo, Adult TEE, TEE 3D, Echo TOE, ECHO TEE W CONTRAST, ETE, ETO, "
    "ME 4C, mid-esophageal four chamber, Echo transoesophagien, Intracardiac echo, transgastric SAX, "
    "Ecocardiogramma transesofageo, Ecocardiograma transesofágico, Échographie transœsophagienne, "
    "Transösophageale Echokardiographie, Intrakardiale Echokardiographie, Ecocardiografia intracardiaca, "
    "Échographie intracardiaque, ICE, INTRACARDIAC"
)
SAYS_LESS = (
    "TTE/TEE, TEE and TTE, no TEE, pre TEE, TTE before TEE, post TEE, TEE if needed, rule out for TEE, Toe pressure, "
    "committee, teen heart, Adult Echo, Steep, ME, TTE, Transthoracic, TEE cancelled, converted from TEE, "
    "Masse intracardiaque, Massa intracardiaca, ice pack, intracardiac mass, TTE après ETO"
)


def listed(texts: str) -> list[str]:
    return [text.strip() for text in texts.split(",")]


@pytest.mark.parametrize(
    ("probes", "approach"),
    [
        (ELSEWHERE_PROBES, Approach.ELSEWHERE),
        (CHEST_PROBES, Approach.CHEST),
        (OTHER_PROBES, Approach.UNSTATED),
    ],
)
def test_probes_by_their_names(probes: str, approach: Approach) -> None:
    found = {probe: resolve_approach(ApproachTags(probe=probe))[0] for probe in listed(probes)}
    assert found == dict.fromkeys(listed(probes), approach)


@pytest.mark.parametrize(("texts", "approach"), [(SAYS_SO, Approach.ELSEWHERE), (SAYS_LESS, Approach.UNSTATED)])
@pytest.mark.parametrize("where", ["named", "ordered"])
def test_texts(texts: str, approach: Approach, where: str) -> None:
    found = {text: resolve_approach(ApproachTags(**{where: (text,)}))[0] for text in listed(texts)}
    assert found == dict.fromkeys(listed(texts), approach)


@pytest.mark.parametrize(
    "tags",
    [
        ApproachTags(examination="TTE", named=("TEE",)),
        ApproachTags(probe="X5-1", ordered=("TEE",)),
        ApproachTags(applications=("125261",), named=("TEE",)),
        ApproachTags(ordered=("TEE",), shows_view=True),
        ApproachTags(ordered=("TEE",), named=("TTE complete",)),
    ],
)
def test_a_text_costs_no_transthoracic_loop(tags: ApproachTags) -> None:
    approach, notes = resolve_approach(tags)
    assert approach is not Approach.ELSEWHERE and notes == (BY_TEXT,)


def code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", "transducer"
    return item


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "TEE", "0001"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "CARDIOLOGY"], "TransducerType": "ENDOCAV_PA"},
        {"ImageType": ["ORIGINAL", "PRIMARY", ""], "TransducerData": ["X8_2t", "1234", ""]},
        {"ImageType": ["ORIGINAL", "PRIMARY"], "TransducerApplicationCodeSequence": regions(code("125262"))},
        {"ImageType": ["ORIGINAL", "PRIMARY"], "StudyDescription": "TRANSESOPHAGEAL ECHO"},
    ],
    ids=["image_type", "transducer_type", "probe", "application", "text"],
)
def test_a_transoesophageal_loop_has_a_reason_of_its_own(tags: dict[str, object], tmp_path: Path) -> None:
    path = EchoFile(sector_movie(4), tags=tags).write(tmp_path / "loop.dcm")
    for read in (read_header, read_clip):
        with pytest.raises(Rejected) as rejected:
            read(path)
        assert rejected.value.reason is Reason.NOT_TRANSTHORACIC


def test_the_note_reaches_the_header(tmp_path: Path) -> None:
    tags = {"ImageType": ["ORIGINAL", "PRIMARY"], "StudyDescription": "TEE", "ViewName": "PLAX"}
    assert BY_TEXT in read_header(EchoFile(sector_movie(4), tags=tags).write(tmp_path / "loop.dcm")).notes


@pytest.mark.parametrize(("modes", "is_rendered"), [("0040", True), ("0041", True), ("0001", False), ("x", False)])
def test_a_rendering_of_a_volume_is_no_plane(modes: str, is_rendered: bool, tmp_path: Path) -> None:
    tags = {"ImageType": ["ORIGINAL", "PRIMARY", "TTE", modes]}
    path = EchoFile(sector_movie(4), tags=tags).write(tmp_path / "loop.dcm")
    try:
        read_header(path)
    except Rejected as rejected:
        assert is_rendered and rejected.reason is Reason.VOLUME
    else:
        assert not is_rendered

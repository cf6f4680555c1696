"""Which view a loop shows, from codes, names, staged protocols and texts as laboratories write them."""

from pathlib import Path

import pytest
from echo_files import EchoFile, regions, sector_movie
from pydicom.dataset import Dataset

from echomort.dicom import read_header, read_view_table, view_groups
from echomort.dicom.views import UNKNOWN, ViewTags, match_text, resolve_view
from echomort.errors import UserError

TEXTS = {
    "apical_4": (
        "A4C, AP4, ap4ch, A4CH, Apical 4 Chamber, Apical four-chamber view, 4CH, 4C, APICAL_4CH, A-4-C, "
        "Apical4Chamber, AP 4CH, 4ch apical, A4C strain, 4 Chamber, Apical-4, apical_4"
    ),
    "apical_4_zoomed": "A4C Zoom LV, A4C focused LV, LV focus A4C, Apical 4 chamber RV focused",
    "apical_2": "A2C, AP2, Apical two chamber, 2CH, Apical2Ch, A2C strain",
    "apical_3": "A3C, APLAX, Apical long axis, AP3, Apical three chamber, ALAX",
    "apical_5": "A5C, Apical 5, AP5, five chamber view",
    "parasternal_long": (
        "PLAX, PL DEEP, Parasternal Long Axis, PSLAX, PS LAX, LAX, PLA, PLAX deep, Para LAX, Parasternal LAX"
    ),
    "parasternal_long_zoomed_aortic": "PLAX zoom AV, PL AV zoom, zoomed PLAX aortic valve",
    "parasternal_long_mitral": "PLAX MV, PL mitral valve",
    "parasternal_long_rv_inflow": "PL RV inflow, RV Inflow, RVIT, Right ventricular inflow tract view",
    "parasternal_long_ascending_aorta": "PL ascending aorta, PLAX Asc Ao",
    "parasternal_long_pulmonic": "PL pulmonic valve, RVOT, PLAX PV",
    "parasternal_short_aortic": (
        "PSAX AV, PSAX AoV level, Parasternal short axis aortic valve, PSAX-AV, PSAX at aortic valve"
    ),
    "parasternal_short_zoomed_aortic": "PSAX zoom AV, SAX AV zoomed",
    "parasternal_short_pulmonary": "PSAX PV, PSAX pulmonary artery",
    "parasternal_short_tricuspid": "PSAX TV, Parasternal short axis tricuspid",
    "short_axis_apex": "PSAX apex, SAX apical",
    "short_axis_base": (
        "PSAX MV, SAX base, PSAX mitral valve, Parasternal short axis at the level of the mitral chords"
    ),
    "short_axis_mid": (
        "PSAX mid, PSAX PM, PSAX papillary, SAX, Parasternal short axis, PSAX pap muscle, SAX MID, PSAX_LV"
    ),
    "subcostal_4": "Subcostal 4 chamber, SC4C, Subcostal, SUBCOSTAL LAX, SubC 4C, subxiphoid 4-chamber",
    "subcostal_ivc": "IVC, Subcostal IVC, SC IVC sniff",
    "subcostal_rv": "Subcostal RV",
    "subcostal_hepatic_vein": "Subcostal hepatic vein, hepatic veins",
    "subcostal_interatrial_septum": "Subcostal interatrial septum, SC IAS",
    "suprasternal_notch": "SSN, Suprasternal notch, Suprasternal, Aortic arch",
}
NO_VIEW = (
    "TEE 4 chamber, ME 4C, mid-esophageal four chamber, ECHOCARDIOGRAPHY, Free Form, Adult Echo, Stress, "
    "Patient place, Fetal 4 chamber, Normal, Class A, replay, Transthoracic echo, TTE, Parasternal, "
    "Apical, Apex, Series 4, Echo 2D, 1 of 4"
)
# PS3.16 CID 12226, SNOMED CT and its SNOMED-RT twin.
CODES = {
    "399214001": "apical_4", "G-A19C": "apical_4", "399232001": "apical_2", "G-A19B": "apical_2",
    "399339008": "apical_3", "G-0395": "apical_3", "399139001": "parasternal_long", "G-0396": "parasternal_long",
    "399306005": "short_axis_mid", "399271003": "short_axis_mid", "399036006": "short_axis_base",
    "399239005": "parasternal_short_aortic", "399310008": "subcostal_4", "443082005": "parasternal_long_rv_inflow",
    "399106004": "suprasternal_notch", "130681": "apical_4_zoomed",
}  # fmt: skip


def code(value: str, meaning: str = "") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def test_there_are_24_groups() -> None:
    assert len(view_groups()) == 24 and set(TEXTS) == set(view_groups())


@pytest.mark.parametrize(
    ("group", "text"), [(group, text.strip()) for group, texts in TEXTS.items() for text in texts.split(",")]
)
def test_texts(group: str, text: str) -> None:
    assert match_text(text) == group


@pytest.mark.parametrize("group", view_groups())
def test_a_group_is_its_own_tag(group: str) -> None:
    assert match_text(group) == match_text(group.upper()) == match_text(group.replace("_", " ")) == group


@pytest.mark.parametrize("text", [text.strip() for text in NO_VIEW.split(",")])
def test_other_texts_are_no_view(text: str) -> None:
    assert match_text(text) is None


@pytest.mark.parametrize(("value", "group"), CODES.items())
def test_codes(value: str, group: str) -> None:
    view = resolve_view(ViewTags(codes=(value,), name="something else"))
    assert (view.group, view.source) == (group, "view_code")


def test_every_code_of_the_standard_that_pydicom_knows_is_mapped_to_a_group_of_its_meaning() -> None:
    from pydicom.sr import codes

    for name in codes.cid12226.dir():
        concept = getattr(codes.cid12226, name)
        view = resolve_view(ViewTags(codes=(concept.value,), meanings=(concept.meaning,)))
        by_text = match_text(concept.meaning)
        assert view.source == "view_code" or by_text is None, name
        if "ransesophageal" in name:
            assert view.group == UNKNOWN


@pytest.mark.parametrize(
    ("tags", "group", "source"),
    [
        (ViewTags(codes=("399214001",), name="PLAX", descriptions=("SAX",)), "apical_4", "view_code"),
        (ViewTags(codes=("9",), meanings=("Apical two chamber",), name="PLAX"), "apical_2", "view_code"),
        (ViewTags(name="PLAX", descriptions=("SAX",)), "parasternal_long", "view_name"),
        (
            ViewTags(stage="Baseline", number=3, manufacturer="ACUSON", descriptions=("SAX",)),
            "apical_4",
            "stage_protocol",
        ),
        (ViewTags(stage="Baseline", number=3, manufacturer="Somebody"), UNKNOWN, "none"),
        (ViewTags(stage="Baseline", number=None, manufacturer="ACUSON"), UNKNOWN, "none"),
        (ViewTags(stage="Baseline", number=99, manufacturer="ACUSON"), UNKNOWN, "none"),
        (ViewTags(descriptions=("Adult Echo", "A2C")), "apical_2", "series_description"),
        (ViewTags(), UNKNOWN, "none"),
    ],
)
def test_the_order_of_sources(tags: ViewTags, group: str, source: str) -> None:
    view = resolve_view(tags)
    assert (view.group, view.source) == (group, source)


def test_a_view_tag_without_a_group_is_kept_for_review_but_never_shown() -> None:
    view = resolve_view(ViewTags(name="Dr Smith special"))
    assert view.group == UNKNOWN and view.unmapped == "Dr Smith special"
    assert "Smith" not in repr(view)


def test_a_very_long_text_takes_no_time() -> None:
    assert match_text("PLAX " * 100_000) == "parasternal_long"
    assert match_text("a 4 " * 3 + "x" * 1_000_000) == "apical_4"


def test_views_come_from_files(tmp_path: Path) -> None:
    movie = sector_movie(4)
    coded = {"ViewCodeSequence": regions(code("399214001", "Apical four chamber"))}
    named = {"ViewName": "Parasternal Long Axis"}
    for tags, group, source in ((coded, "apical_4", "view_code"), (named, "parasternal_long", "view_name")):
        header = read_header(EchoFile(movie, tags=tags).write(tmp_path / "loop.dcm"))
        assert (header.view, header.view_source) == (group, source)


def test_a_view_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "views.csv"
    table.write_text("\ufeffview,sop_instance_uid\napical_4,1.2.3\nunknown, 1.2.4 \n", encoding="utf-8")
    assert read_view_table(table) == {"1.2.3": "apical_4", "1.2.4": "unknown"}


@pytest.mark.parametrize("content", ["sop,view\n1,apical_4\n", "sop_instance_uid,view\n1.2.3,four chambers\n", ""])
def test_a_wrong_view_table_names_the_remedy_not_the_content(tmp_path: Path, content: str) -> None:
    table = tmp_path / "views.csv"
    table.write_text(content)
    with pytest.raises(UserError) as error:
        read_view_table(table)
    assert "1.2.3" not in str(error.value) and "four chambers" not in str(error.value)

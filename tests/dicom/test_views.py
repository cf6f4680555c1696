"""Which view a loop shows, from codes, names, staged protocols and texts as laboratories write them."""

import csv
from importlib import resources
from pathlib import Path

import pytest
from echo_files import EchoFile, regions, sector_movie
from pydicom.dataset import Dataset

from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.core.listing import list_files
from echomort.dicom import read_clip, read_header, read_view_table, view_groups
from echomort.dicom.header.view_texts import match_text
from echomort.dicom.header.views import UNKNOWN, ViewTags, resolve_view
from echomort.dicom.index import Indexer
from echomort.settings import ClipSettings, HeaderReading, load_settings, read_preset

TEXTS = {
    "apical_4": (
        "A4C, AP4, ap4ch, A4CH, Apical 4 Chamber, Apical four-chamber view, 4CH, 4C, APICAL_4CH, A-4-C, "
        "Apical4Chamber, AP 4CH, 4ch apical, A4C strain, 4 Chamber, Apical-4, apical_4"
    ),
    "apical_4_zoomed": "A4C Zoom LV, A4C focused LV, LV focus A4C, A4 zoom",
    "apical_4_rv_focused": "Apical 4 chamber RV focused, RV focus, RVfocus, RV focused view, A4C right ventricle focus",
    "apical_2_zoomed": "A2C zoom, zoom A2C, 2CH LA zoom, AP2 zoomed",
    "apical_3_zoomed": "A3C zoom, APLAX zoom, apical long axis zoomed, A3C LVOT zoom",
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
    "parasternal_long_pulmonic": "PL pulmonic valve, RVOT, PLAX PV, PV LAX, PV PLAX",
    "parasternal_long_tagged_lax": "parasternal long tagged LAX",
    "parasternal_short_aortic": (
        "PSAX AV, PSAX AoV level, Parasternal short axis aortic valve, PSAX-AV, PSAX at aortic valve"
    ),
    "parasternal_short_zoomed_aortic": "PSAX zoom AV, SAX AV zoomed",
    "parasternal_short_pulmonary": "PSAX PV, PSAX pulmonary artery",
    "parasternal_short_tricuspid": "PSAX TV, Parasternal short axis tricuspid",
    "short_axis_apex": "PSAX apex, SAX apical",
    "short_axis_apex_zoomed": "PSAX apex zoom",
    "short_axis_mid_zoomed": "PSAX mid zoom, zoom SAX papillary",
    "short_axis_base": (
        "PSAX MV, SAX base, PSAX mitral valve, Parasternal short axis at the level of the mitral chords"
    ),
    "short_axis_mid": (
        "PSAX mid, PSAX PM, PSAX papillary, SAX, Parasternal short axis, PSAX pap muscle, SAX MID, PSAX_LV"
    ),
    "subcostal_4": "Subcostal 4 chamber, SC4C, Subcostal, SUBCOSTAL LAX, SubC 4C, subxiphoid 4-chamber, SBC 4 CH",
    "subcostal_ivc": "IVC, Subcostal IVC, SC IVC sniff",
    "subcostal_rv": "Subcostal RV",
    "subcostal_hepatic_vein": "Subcostal hepatic vein, hepatic veins, IVC HV, IVC hepatic, SBC HV",
    "subcostal_interatrial_septum": "Subcostal interatrial septum, SC IAS",
    "suprasternal_notch": "SSN, Suprasternal notch, Suprasternal, Aortic arch",
}
NO_VIEW = (
    "TEE 4 chamber, ME 4C, mid-esophageal four chamber, ECHOCARDIOGRAPHY, Free Form, Adult Echo, Stress, "
    "Patient place, Fetal 4 chamber, Normal, Class A, replay, Transthoracic echo, TTE, Parasternal, "
    "Apical, Apex, Series 4, Echo 2D, 1 of 4"
)
# As technologists of several vendors and languages write them; a wrong view is worse than none.
WRITTEN: dict[str | None, str] = {
    "apical_4": (
        "A4C, AP4, Ap4, AP4C, A4CH, Apical 4, Apical 4 Ch, Apical 4C, apical 4-chamber, APICAL FOUR CHAMBER, "
        "4 chamber, 4CH, 4C, Apical 4ch view, A4C LV, A4C RV, A4C LA, A4C strain, A4C REST, A4C Post, A4C "
        "peak, A4C 2D, Apical 4 2D, AP 4 CH STRAIN, 4CV, apikaler Vierkammerblick, 4-Kammerblick, 4KB, 4 KB "
        "apikal, apikal 4KB, Apicale 4 cavités, 4 cavités, Apical 4 cámaras, 4 camere, quatre cavités, cuatro "
        "camaras, A4C_1, A4C-LV, AP 4 view, LV A4C, A4Ch Simpson, A4C EF, Apical 4 Chamber LVEF, a4c bubble, "
        "A4C bi-plane EF, Stress A4C peak, Api 4C, A4C IAS, A4C MV, A4C TV "
    ),
    "apical_4_zoomed": "A4C zoom, zoom A4C, 4CH zoom",
    "apical_4_rv_focused": (
        "A4C RV focus, RV focused A4C, Apical 4 Chamber RV Focused, A4C focused on RV, RV focus A4C "
    ),
    "apical_2": (
        "A2C, AP2, Ap2C, Apical 2 chamber, 2CH, 2C, Apical two chamber view, A2C LA, 2KB, Zweikammerblick, 2 "
        "cavités, 2 camaras, apical 2 strain, A2CH rest "
    ),
    "apical_3": (
        "A3C, AP3, APLAX, ALAX, Apical Long Axis, Apical LAX, LAX apical, Api LAX, 3CH, Apical 3 chamber, "
        "3KB, Dreikammerblick, AP LAX, apical long-axis view, A3C strain "
    ),
    "apical_5": ("A5C, Apical 5, AP5, 5 chamber, A5C LVOT, 5CH, Fünfkammerblick "),
    "parasternal_long": (
        "PLAX, PL DEEP, PL, Parasternal Long Axis, PSLAX, PS LAX, LAX, PLA, Plax deep, PLAX LV, PLAX 2D, LAX "
        "PS, PLAX LV 2D, parasternale lange Achse, Parasternal grand axe, Grand axe parasternal, paraesternal "
        "eje largo, Para Long, PARASTERNAL LAX VIEW, PLAX_1, PLAX depth 20, PS LAX AV, PLAX low "
    ),
    "parasternal_long_zoomed_aortic": ("PLAX AV zoom, PLAX zoom AV, Zoom PLAX AoV, PL zoom AV "),
    "parasternal_long_mitral": ("PLAX MV, PL MV, PLAX mitral valve, PS LAX MV, PLAX MV zoom "),
    "parasternal_long_rv_inflow": (
        "RVIT, RV inflow, PLAX RV inflow, RVIF, Parasternal RV inflow, RV inflow tract, PL RVIT "
    ),
    "parasternal_long_pulmonic": ("RVOT, PLAX RVOT, PLAX PV, RV outflow, PL RVOT "),
    "parasternal_long_ascending_aorta": ("PLAX asc aorta, PLAX Asc Ao, PLAX aortic root, PLAX root, PL asc Ao "),
    "parasternal_short_aortic": (
        "PSAX AV, PSAX AoV, SAX AV, PSAX Ao, PSAX aortic valve, PSAX AV level, PSAX-AV, SAX aortic, AV SAX "
    ),
    "parasternal_short_zoomed_aortic": ("PSAX AV zoom, SAX zoom AV "),
    "parasternal_short_pulmonary": (
        "PSAX PV, PSAX PA, PSAX pulmonary, PSAX RVOT, SAX PA bifurcation, PSAX RVOT/PV, PSAX AV PV "
    ),
    "parasternal_short_tricuspid": ("PSAX TV, SAX tricuspid valve "),
    "short_axis_base": ("PSAX MV, SAX MV, PSAX base, SAX basal, PSAX mitral, Basal SAX, PSAX LV base "),
    "short_axis_mid": (
        "PSAX, SAX, PSAX mid, PSAX PM, SAX PM, PSAX pap, SAX papillary, PSAX mid LV, Mid SAX, PSAX LV, PSAX "
        "pap muscles level, parasternale kurze Achse, petit axe parasternal, eje corto paraesternal, PS SAX, "
        "PSAX mid pap, Short axis "
    ),
    "short_axis_apex": ("PSAX apex, SAX apex, PSAX apical, Apical SAX, Apical short axis, PSAX LV apex "),
    "subcostal_4": (
        "Subcostal, SC4C, SubC 4C, Subcostal 4ch, Subcostal 4 chamber, subxiphoid 4ch, S4C, SC 4 chamber, "
        "Sous-costale 4 cavités, subkostal 4KB, 4CH subcostal, Subcostal view, Sub-costal 4C "
    ),
    "subcostal_ivc": ("IVC, SC IVC, Subcostal IVC, IVC sniff, IVC long axis, subcostal VCI, IVC resp "),
    "subcostal_hepatic_vein": ("Hepatic vein, SC HV, subcostal hepatic veins "),
    "subcostal_interatrial_septum": ("SC IAS, Subcostal IAS, subcostal atrial septum "),
    "subcostal_rv": ("Subcostal RV, SC RV, subcostal RVOT "),
    "suprasternal_notch": (
        "SSN, Suprasternal, SSN arch, Aortic arch, suprasternal long axis, sus-sternale, SSN Ao arch "
    ),
    None: (
        "Apical 2D zoom, Apical 4D zoom, Phase A 2 zoom, AV zoom, LV apex, IAS 2D, "
        "Apical, Apical 2D, Apical 3D, A 2D, AP 3D, 4D apical, 3D, 2D, 2D A, S4-2, S5-1, Adult Echo S5-1, "
        "X5-1, 4C-RS, C5-1, 4V1c, L4, Phase A 2, Serie A 4 of 5, Hepatitis A, A2 P2, S4 gallop, S3, 2 ch ECG, "
        "2ch ecg, A2C A4C, A2C/A4C, A4C and A2C, Biplane A4C A2C, A4C to A5C, PLAX PSAX, PLAX-PSAX sweep, "
        "Subcostal short axis, Subcostal SAX, Subcostal short axis view at mitral valve level, Subcostal "
        "short axis view at aortic valve level, Subcostal aorta, Abdominal aorta, Right parasternal, Right "
        "parasternal long axis, RPS AV, A4C TEE, TEE 4CH, ME 4C, ME LAX, Transgastric SAX, TOE, ETE 4C, Pl. "
        "effusion, PL effusion, pleural effusion, PS, PS gradient, SA, S, SC, Sub, Secondary capture SC, "
        "Stress echo, Dobutamine, Rest, Peak, Baseline, Adult Echo, ECHO TTE, Transthoracic, Free Form, "
        "Cardiac, Normal, Doppler, Color, Default, Heart, TTE Complete, Echo 4, Loop 4, Clip 2, 1 of 4, Image "
        "5, 5, 4, A, P4, M5S, P4-2, Adult cardiac 3, Apical 2 beats, Apical 4 beats, AP 2 cm, Apical 3 of 5, "
        "Apical views, Apex, LV, RV, LA, AV, MV, TV, PV, Pericardium, Septum, Mitral valve, Aortic valve, "
        "Aorta, Ascending aorta, PSAX coronary, PSAX LMCA, PSAX RV, PSAX IAS, IAS, ASD, VSD, PFO, bubble, "
        "Contrast, LVO, Lumason, Definity, 3 beats, 4 beat, Quad, Fetal 4ch, Carotid long axis, Kidney long "
        "axis, Liver, Bladder, Lung, PW, CW, TDI, M-mode PLAX, ICE, Parasternal, Subclavian, Long, Short, "
        "axis, Strain, GLS, 4 ch ecg, PSAX MV PM, PSAX MV and apex, Subcostal and PLAX, SSN and PLAX, A4C "
        "PLAX, Apical 4 PSAX, mid, base, Scapular, SA node, Sao Paulo, P L, Plan, Placenta, Plavix "
    ),
}
# PS3.16 CID 12226, SNOMED CT and its SNOMED-RT twin.
CODES = {
    "399214001": "apical_4", "G-A19C": "apical_4", "399232001": "apical_2", "G-A19B": "apical_2",
    "399339008": "apical_3", "G-0395": "apical_3", "399139001": "parasternal_long", "G-0396": "parasternal_long",
    "399306005": "short_axis_mid", "399271003": "short_axis_mid", "399036006": "short_axis_base",
    "399239005": "parasternal_short_aortic", "399310008": "subcostal_4", "443082005": "parasternal_long_rv_inflow",
    "399106004": "suprasternal_notch", "130681": "apical_4_rv_focused",
}  # fmt: skip


# The preprint's tags by its groups, Ext. Table 1, typed from its text.
PREPRINT = {
    "apical_2": "a2, ap2 2d, a2 2d, a2 lavol, la 2ch",
    "apical_3": "a long, ap3 2d, a3 2d",
    "apical_4": "ap4, ap4 2d, a4 2d, a4 zoom, a4 lavol, la ap4 ch",
    "apical_4_rv_focused": "rv focus, rvfocus",
    "apical_5": "a5, ap5 2d, a5 2d",
    "parasternal_long": "pl deep, psl deep",
    "parasternal_long_ascending_aorta": "pl ascao, asc ao, pl asc ao",
    "parasternal_long_rv_inflow": "pl rvif, rv inf, rvif 2d",
    "parasternal_long_zoomed_aortic": "pl av ao, av zoom",
    "parasternal_short_aortic": "ps av, psavzoom, psax av",
    "parasternal_short_pulmonary": "ps pv pa, ps pv, psax pv",
    "parasternal_short_tricuspid": "ps tv, ps tv 2d, psax tv",
    "short_axis_apex": "sax apex",
    "short_axis_base": "lv base, sax base",
    "short_axis_mid": "sax mid, sax",
    "subcostal_4": "sbc 4 ch, sbc 4, sbc 4ch",
    "subcostal_hepatic_vein": "ivc hv, sbc hv",
    "subcostal_interatrial_septum": "ias, sbc ias, ias 2d",
    "subcostal_ivc": "ivc resp, sbc ivc, ivc insp, ivc snif, ivcsniff, sniff",
    "subcostal_rv": "sbc rv",
    "suprasternal_notch": "ssn, ssn sax",
}
"""The 21 groups that were trained."""
TOO_FEW = {
    "parasternal_long_mitral": "pla mv",
    "parasternal_long_pulmonic": "pl pv, pv lax",
    "parasternal_long_tagged_lax": "lax",
    "short_axis_mid_zoomed": "lv mid",
    "short_axis_apex_zoomed": "lv apex",
    "apical_3_zoomed": "ap3",
    "apical_2_zoomed": "ap2",
}
AT_MOST_SITES = {
    "ap2": "apical_2", "ap3": "apical_3", "lax": "parasternal_long", "lv mid": "short_axis_mid",
    "a4 zoom": "apical_4_zoomed", "psavzoom": "parasternal_short_zoomed_aortic",
    "av zoom": None, "ias": None, "ias 2d": None, "lv apex": None,
}  # fmt: skip
"""Tags that mean something else at most sites, or nothing certain."""
TAGS = {tag: group for group, tags in (PREPRINT | TOO_FEW).items() for tag in tags.split(", ")}


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_of_the_preprint_names_its_group_and_elsewhere_the_same_but_for_exceptions(tag: str) -> None:
    for written in (tag, tag.upper(), tag.replace(" ", "_")):
        assert match_text(written, "paper") == TAGS[tag]
        assert match_text(written) == AT_MOST_SITES.get(tag, TAGS[tag])


def test_every_exception_has_its_reason_beside_it() -> None:
    rows = list(csv.DictReader(resources.files("echomort.dicom.header").joinpath("view_tags.csv").open()))
    assert {row["tag"] for row in rows} == set(TAGS) and len(rows) == len(TAGS) == 68
    assert {row["paper"] for row in rows if row["trained"] == "yes"} == set(PREPRINT)
    assert {row["tag"] for row in rows if row["reason"]} == {row["tag"] for row in rows if row["standard"]}
    assert {row["tag"] for row in rows if row["standard"]} == set(AT_MOST_SITES)


def test_the_preset_paper_names_views_as_the_preprint_does_and_trains_its_21_groups() -> None:
    presets = [load_settings(flags={"preset": name}, environment={}) for name in ("paper", "demo")]
    assert [preset.imaging.clip.view_tags for preset in presets] == ["paper", "standard"]
    assert tuple(read_preset("paper")["training"]["views"]) == tuple(sorted(PREPRINT))


@pytest.mark.parametrize(
    ("text", "group"),
    [("A4C zoom", "apical_4"), ("PSAX AV zoom", "parasternal_short_aortic"), ("A4C", "apical_4"), ("A2C A4C", None)],
)
def test_groups_that_the_preprint_lacks_belong_to_wider_ones_there(text: str, group: str | None) -> None:
    assert match_text(text, "paper") == group
    assert resolve_view(ViewTags(name=text), "paper").group == (group or UNKNOWN)


def code(value: str, meaning: str = "") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def test_there_are_30_groups() -> None:
    assert len(view_groups()) == 30 and set(TEXTS) == set(view_groups())


@pytest.mark.parametrize(
    ("group", "text"), [(group, text.strip()) for group, texts in TEXTS.items() for text in texts.split(",")]
)
def test_texts(group: str, text: str) -> None:
    assert match_text(text) == group


@pytest.mark.parametrize("group", WRITTEN, ids=str)
def test_texts_as_laboratories_write_them(group: str | None) -> None:
    texts = [text.strip() for text in WRITTEN[group].split(",")]
    assert {text: match_text(text) for text in texts} == dict.fromkeys(texts, group)


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


def test_views_of_the_standard_that_no_group_shows_are_unknown() -> None:
    """A subcostal short axis is no four-chamber view, whatever its first word."""
    shorts = ("399200001", "443609003", "443499004", "443160001", "443640005", "443100003")
    from pydicom.sr import codes

    concepts = [getattr(codes.cid12226, name) for name in codes.cid12226.dir()]
    meanings = {concept.value: concept.meaning for concept in concepts}
    for value in shorts:
        assert resolve_view(ViewTags(codes=(value,), meanings=(meanings[value],))).group == UNKNOWN


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
    assert match_text("a 4 c " * 3 + "x" * 1_000_000) == "apical_4"


def test_views_come_from_files(tmp_path: Path) -> None:
    movie = sector_movie(4)
    coded = {"ViewCodeSequence": regions(code("399214001", "Apical four chamber"))}
    named = {"ViewName": "Parasternal Long Axis"}
    for tags, group, source in ((coded, "apical_4", "view_code"), (named, "parasternal_long", "view_name")):
        header = read_header(EchoFile(movie, tags=tags).write(tmp_path / "loop.dcm"))
        assert (header.view, header.view_source) == (group, source)


def test_the_setting_reaches_the_index_and_the_clip(tmp_path: Path) -> None:
    path = EchoFile(sector_movie(30), tags={"ViewName": "AP2"}).write(tmp_path / "loop.dcm")
    keyring = Keyring(b"k" * 32)
    (file,) = list_files(tmp_path, "sources.dicom")
    for table, group in (("standard", "apical_2"), ("paper", "apical_2_zoomed")):
        assert Indexer(tmp_path, keyring, {}, HeaderReading(table)).row("folder", file)["view"] == group
        assert read_clip(path, ClipSettings(view_tags=table)).view == group


def test_a_view_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "views.csv"
    table.write_text("\ufeffview,sop_instance_uid\napical_4,1.2.3\nunknown, 1.2.4 \n", encoding="utf-8")
    assert read_view_table(table) == {"1.2.3": "apical_4", "1.2.4": "unknown"}


@pytest.mark.parametrize(
    "content",
    [
        "sop,view\n1,apical_4\n",
        "sop_instance_uid,view\n1.2.3,four chambers\n",
        "sop_instance_uid,view,view\n1.2.3,apical_4,unknown\n",
        "sop_instance_uid;view\n1.2.3;apical_4\n",
        "",
    ],
)
def test_a_wrong_view_table_names_the_remedy_not_the_content(tmp_path: Path, content: str) -> None:
    table = tmp_path / "views.csv"
    table.write_text(content)
    with pytest.raises(UserError) as error:
        read_view_table(table)
    assert "1.2.3" not in str(error.value) and "four chambers" not in str(error.value)

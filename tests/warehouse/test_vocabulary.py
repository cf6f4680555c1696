"""The codes above a SNOMED code: from a release of SNOMED CT, Athena's tables, or an export's own code systems."""

import csv

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch
from layouts.fhir_resources import SNOMED, ZONE, coded, condition, of, written
from layouts.meds_events import STATIC, VISIT, event
from layouts.meds_events import written as written_meds
from layouts.omop_rows import laid_out

from assets.sources.ehr_extract import extract_fingerprint
from echomort.core.errors import UserError
from echomort.ehr.public_codes import is_code_of
from echomort.settings import Settings, Sources
from warehouse.adapters.extract import ExtractLocation, adapter_files, check_vocabulary
from warehouse.adapters.vocabulary import vocabulary_files
from warehouse.staging.staging import stage

IS_A = {
    "11000003": ["84114007"],
    "12000005": ["11000003"],
    "13000008": ["14000002", "84114007"],
    "14000002": ["13000008"],
    "15000001": ["15500003"],
    "15500003": ["15000001"],
    "64715009": ["38341003"],
    "16000000": ["64715009", "38341003"],
    "17000009": ["64715009", "84114007"],
    "18000004": ["230690007"],
    "19000007": ["60573004", "13213009"],
    "20000001": ["398254007", "38341003"],
    "398254007": ["38341003"],
}
GROUPS = {
    "84114007": ["I50"],  # on the list itself
    "11000003": ["I50"],  # below it
    "12000005": ["I50"],  # two levels below it
    "13000008": ["I50"],  # in a circle that has a way out
    "15000001": [],  # in a circle without one
    "16000000": ["I11"],  # the most specific of two on the list
    "17000009": ["I11", "I50"],  # two of which none is above the other
    "18000004": [],  # below a concept that counts without its descendants
    "19000007": [],  # an excluded concept is above it too
    "20000001": [],  # the list says: of another chapter
    "28000008": [],  # an orphan
}
PAIRS = [(child, parent) for child, parents in IS_A.items() for parent in parents]
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def table(folder, name, header, rows):
    """Write a table as releases of vocabularies are written: columns separated by tabs, no quotation marks."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\").writerows(
            [header.split(), *rows]
        )
    return folder


RF2 = "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId"


def rf2(folder, kind="Snapshot"):
    """Write a release: is-a relationships, another kind of relationship, and one that was retired."""
    rows = [(100 + n, 20240101, 1, 0, child, parent, 0, 116680003, 0, 0) for n, (child, parent) in enumerate(PAIRS)]
    rows.append((90, 20240101, 1, 0, "28000008", "84114007", 0, 363698007, 0, 0))
    rows.append((91, 20240101, 0, 0, "28000008", "84114007", 0, 116680003, 0, 0))
    if kind == "Full":
        rows.insert(0, (91, 20200101, 1, 0, "28000008", "84114007", 0, 116680003, 0, 0))
    place = folder / "SnomedCT_International" / kind / "Terminology"
    table(place, f"sct2_Relationship_{kind}_INT_20240101.txt", RF2, rows)
    return folder


def full(folder):
    return rf2(folder, "Full")


def above(code):
    """Return every code above ``code`` -> how many levels above it."""
    found, level, last = {}, 0, {code}
    while last:
        level += 1
        last = {parent for one in last for parent in IS_A.get(one, ())} - {code, *found}
        found |= dict.fromkeys(last, level)
    return found


def athena(folder, mapped=(), relation="Is a"):
    """Write Athena's tables; ``mapped``: (ICD-10-CM code, SNOMED code)."""
    codes = sorted({code for pair in PAIRS for code in pair} | {code for _, code in mapped})
    ids = {("SNOMED", code): 1000 + n for n, code in enumerate(codes)}
    ids |= {("ICD10CM", icd): 5000 + n for n, icd in enumerate(sorted({icd for icd, _ in mapped}))}
    table(
        folder,
        "CONCEPT.csv",
        "concept_id concept_name vocabulary_id concept_code",
        [(number, 'A 2" name', *concept) for concept, number in ids.items()],
    )
    related = [(ids["ICD10CM", icd], ids["SNOMED", code], "Maps to", "") for icd, code in mapped]
    pairs = [(ids["SNOMED", child], ids["SNOMED", parent]) for child, parent in PAIRS]
    if relation == "ancestor":
        steps = [("SNOMED", low, up, level) for low in IS_A for up, level in above(low).items()]
        levels = [(ids[system, up], ids[system, low], level, level) for system, low, up, level in steps]
    else:
        levels = []
        related += [(*(pair if relation == "Is a" else reversed(pair)), relation, "") for pair in pairs]
    table(folder, "CONCEPT_RELATIONSHIP.csv", "concept_id_1 concept_id_2 relationship_id invalid_reason", related)
    header = "ancestor_concept_id descendant_concept_id min_levels_of_separation max_levels_of_separation"
    return table(folder, "CONCEPT_ANCESTOR.csv", header, levels)


def subsumes(folder):
    return athena(folder, relation="Subsumes")


def ancestor(folder):
    return athena(folder, relation="ancestor")


def conditions(codes, system=SNOMED):
    """Return a condition of each code, each recorded on a day of its own."""
    return [
        condition(system, code, f"c{day}", recordedDate=f"2018-01-{day:02}") for day, code in enumerate(codes, start=1)
    ]


def groups(folder, *resources, vocabulary=None, adapter="fhir"):
    """Return day -> codes, and the report."""
    connection = empty_warehouse()
    place = ExtractLocation(written(folder, *resources), None, ZONE, vocabulary=vocabulary)
    report = stage(connection, place, adapter, KEYRING, "kept")
    return found(connection), report


def found(connection):
    """Return day -> codes of the diagnoses that were recorded on it."""
    return dict(fetch(connection, "SELECT day(recorded_at), list(code ORDER BY code) FROM diagnosis GROUP BY ALL"))


def by_day(expected):
    return {day: codes for day, codes in enumerate(expected.values(), start=1) if codes}


@pytest.mark.parametrize("make", [rf2, full, athena, subsumes, ancestor])
def test_a_fhir_condition_is_of_the_groups_of_the_listed_codes_above_it(tmp_path, make):
    codes, report = groups(tmp_path / "fhir", *conditions(GROUPS), vocabulary=make(tmp_path / "vocabulary"))
    assert codes == by_day(GROUPS)
    reasons = {reason: rows for (name, reason), rows in counted(report).items() if name == "diagnosis"}
    assert reasons["CONDITION_BY_THE_LIST"] == 6
    assert reasons["CONDITION_WITHOUT_ICD_CODE"] == 5
    assert "LIST_WITHOUT_ANCESTORS" not in reasons


def nested():
    """Return the code system whose concepts lie within their parents."""

    def concept(code, seen=()):
        below = [child for child, parent in PAIRS if parent == code and child not in seen]
        return {"code": code} | ({"concept": [concept(one, (*seen, code)) for one in below]} if below else {})

    return {"concept": [concept(code) for code in sorted({parent for _, parent in PAIRS})], "hierarchyMeaning": "is-a"}


def with_parents():
    properties = {code: [{"code": "parent", "valueCode": one} for one in parents] for code, parents in IS_A.items()}
    return {"concept": [{"code": code, "property": said} for code, said in properties.items()]}


def with_children():
    return {"concept": [{"code": up, "property": [{"code": "child", "valueCode": low}]} for low, up in PAIRS]}


@pytest.mark.parametrize("make", [nested, with_parents, with_children])
def test_a_fhir_export_s_own_code_system_says_what_is_above_a_code(tmp_path, make):
    system = {"resourceType": "CodeSystem", "id": "s", "url": SNOMED} | make()
    codes, _ = groups(tmp_path, *conditions(GROUPS), system)
    assert codes == by_day(GROUPS)


def test_a_hierarchy_that_means_something_else_says_nothing(tmp_path):
    system = {"resourceType": "CodeSystem", "id": "s", "url": SNOMED} | nested() | {"hierarchyMeaning": "grouped-by"}
    codes, report = groups(tmp_path, *conditions(GROUPS), system)
    assert codes == {1: ["I50"]}
    assert counted(report)["diagnosis", "LIST_WITHOUT_ANCESTORS"] == len(GROUPS)


def concept_map(source, target, **codes):
    """Return a map of ``source`` to ``target``: code -> (its target, equivalence), ..."""
    element = [
        {"code": code.strip("_"), "target": [{"code": to, "equivalence": how} for to, how in targets]}
        for code, targets in codes.items()
    ]
    group = [{"source": source, "target": target, "element": element}]
    return {"resourceType": "ConceptMap", "id": f"{source} {target}", "group": group}


def test_concept_maps_of_the_export_give_icd_codes_and_what_local_codes_stand_for(tmp_path):
    maps = (
        concept_map(
            SNOMED,
            ICD,
            _11000003=[("I42.0", "equivalent")],
            _13000008=[("I42.0", "wider"), ("I48.0", "wider")],
            _17000009=[("I42.0", "narrower"), ("I42.1", "relatedto")],
        ),
        concept_map("urn:local", SNOMED, HF=[("84114007", "equivalent")]),
    )
    system = {"resourceType": "CodeSystem", "id": "s", "url": SNOMED} | with_parents()
    expected = {
        "11000003": ["I420"],  # its own map
        "12000005": ["I42"],  # the map of the nearest code above comes before a farther one on the list
        "13000008": ["I50"],  # codes of two categories: the list decides
        "17000009": ["I11", "I50"],  # maps to narrower and to related codes are not used
    }
    local = condition("urn:local", "HF", "l", recordedDate="2018-01-20")
    codes, report = groups(tmp_path, *conditions(expected), local, system, *maps)
    assert codes == by_day(expected) | {20: ["I50"]}
    reasons = counted(report)
    assert reasons["diagnosis", "CONDITION_BY_ITS_MAP"] == reasons["diagnosis", "CONDITION_BY_ITS_ANCESTOR_S_MAP"] == 1


def test_an_icd_code_and_the_site_s_map_come_before_the_codes_above(tmp_path):
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "code_map.csv").write_text(f"system,code,target\n{SNOMED},12000005,ICD10CM//I42.0\n")
    both = coded(SNOMED, "11000003")
    both["coding"].append({"system": ICD, "code": "I48.0"})
    own = of("Condition", "own", code=both, recordedDate="2018-01-09")
    mapped = [("I50.9", "17000009"), ("I11.0", "84114007"), ("I11.0", "64715009")]
    codes, report = groups(
        tmp_path / "fhir",
        *conditions(["12000005", "17000009", "13000008", "84114007"]),
        own,
        vocabulary=athena(tmp_path / "athena", mapped),
    )
    # I11.0 maps to two concepts: it is used only where no code maps to the concept alone.
    assert codes == {1: ["I420"], 2: ["I509"], 3: ["I11"], 4: ["I110"], 9: ["I480"]}
    reasons = counted(report)
    assert reasons["diagnosis", "CONDITION_BY_ITS_MAP"] == 3
    assert reasons["diagnosis", "CONDITION_BY_ITS_ANCESTOR_S_MAP"] == 1


@pytest.mark.parametrize("make", [rf2, athena])
def test_a_meds_data_set_without_parent_codes_reads_them_in_the_vocabulary(tmp_path, make):
    events = [event(f"SNOMED//{code}", VISIT["time"].replace(year=2018, day=day)) for day, code in enumerate(GROUPS, 1)]
    folder = written_meds(tmp_path / "meds", *STATIC, VISIT, *events)
    connection = empty_warehouse()
    place = ExtractLocation(folder, vocabulary=make(tmp_path / "vocabulary"))
    stage(connection, place, "meds", KEYRING, "kept")
    assert found(connection) == by_day(GROUPS)


@pytest.mark.parametrize("make", [rf2, athena, ancestor])
def test_an_omop_extract_reads_the_vocabulary_that_it_lacks(tmp_path, make):
    folder = tmp_path / "omop"
    folder.mkdir()
    known = athena(tmp_path / "known")
    vocabulary = make(tmp_path / "vocabulary")
    with (known / "CONCEPT.csv").open() as file:
        concepts = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    ids = {row["concept_code"]: row["concept_id"] for row in concepts}
    rows = [
        {"person_id": 7, "condition_concept_id": ids.get(code, 0), "condition_start_date": f"2018-01-{day:02}"}
        for day, code in enumerate(GROUPS, start=1)
    ]
    # A SNOMED CT release has no concept ids: the extract's own table concept gives them.
    own = concepts if make is rf2 else None
    lacking = {"concept": own, "concept_relationship": None, "concept_ancestor": None, "sct2_relationship": None}
    laid_out(folder, condition_occurrence=rows, **lacking)
    connection = empty_warehouse()
    stage(connection, ExtractLocation(folder, vocabulary=vocabulary), "omop", KEYRING, "kept")
    assert found(connection) == by_day(GROUPS)


def test_the_vocabulary_s_files_decide_and_others_beside_them_do_not(tmp_path):
    written(tmp_path / "fhir")
    vocabulary = rf2(tmp_path / "vocabulary")
    sources = Sources(ehr=tmp_path / "fhir", adapter="fhir", vocabulary=vocabulary)
    settings = Settings(home=tmp_path / "home", sources=sources)
    assert ExtractLocation.of(settings).vocabulary == vocabulary
    before = extract_fingerprint(settings)
    (vocabulary / "readme.txt").write_text("a release")
    assert extract_fingerprint(settings) == before
    (file,) = vocabulary.rglob("sct2_*.txt")
    file.write_text(file.read_text().replace("84114007", "49436004"))
    assert extract_fingerprint(settings) != before
    without = Sources(ehr=tmp_path / "fhir", adapter="fhir")
    assert extract_fingerprint(Settings(home=tmp_path / "home", sources=without)) != before


def test_the_selects_about_the_hierarchy_decide_the_adapters_that_read_them():
    names = {"warehouse/adapters/hierarchy/above.sql", "warehouse/adapters/hierarchy/diagnosis_code.sql"}
    assert names <= set(adapter_files("fhir"))
    assert names <= set(adapter_files("meds"))
    assert not [name for name in adapter_files("canonical") if "hierarchy" in name]


def test_a_folder_without_a_vocabulary_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"does not exist .*correct sources\.vocabulary"):
        vocabulary_files(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no vocabulary in sources\.vocabulary"):
        vocabulary_files(tmp_path)
    athena(tmp_path / "one")
    athena(tmp_path / "two")
    with pytest.raises(UserError, match=r"CONCEPT\.csv twice"):
        vocabulary_files(tmp_path)
    table(tmp_path / "rf2", "sct2_Relationship_Snapshot_INT_1.txt", "id active", [])
    with pytest.raises(UserError, match=r"sct2_relationship .*has no column"):
        groups(tmp_path / "fhir", vocabulary=tmp_path / "rf2")


def test_an_adapter_that_reads_no_vocabulary_says_so(tmp_path):
    check_vocabulary(rf2(tmp_path), "omop")
    check_vocabulary(None, "canonical")
    with pytest.raises(UserError, match=r"adapter canonical reads no sct2_relationship of sources\.vocabulary"):
        check_vocabulary(tmp_path, "canonical")


def test_a_snapshot_is_read_before_a_full_release(tmp_path):
    found = vocabulary_files(full(rf2(tmp_path)))
    assert [path.name for path in found["sct2_relationship"]] == ["sct2_Relationship_Snapshot_INT_20240101.txt"]


def test_codes_of_no_group_are_named_and_text_is_hashed(tmp_path):
    text = of("Condition", "t", code={"text": "Mr Smith's ailment"}, recordedDate="2018-01-20")
    wrong = condition(SNOMED, "84114008", "w")
    local = condition("urn:local", "Smith", "l")
    lab = of("Observation", "o", status="final", code=coded("http://loinc.org", "30525-0"), valueInteger=3)
    codes = ["28000008", "28000008", "84114007"]
    _, report = groups(tmp_path, *conditions(codes), text, wrong, local, lab)
    words = {
        one.reason: sorted(
            ("#" + word.partition("(")[2] if word.startswith("#") else word, rows) for word, rows in one.words
        )
        for one in report.conflicts
    }
    hashed = [("#18 characters)", 1), ("#5 characters)", 1), ("#8 characters)", 1)]
    assert words["CONDITION_WITHOUT_ICD_CODE"] == [*hashed, ("SNOMED 28000008", 2)]
    assert words["CONDITION_BY_THE_LIST"] == [("SNOMED 84114007", 1)]
    assert words["OBSERVATION_NOT_IN_CATALOGUE"] == [("LOINC 30525-0", 1)]
    assert "Smith" not in "".join(map(str, report.conflicts))
    assert {"Mr Smith's ailment", "84114008", "Smith"} <= set(report.identifiers["word"].values())


@pytest.mark.parametrize(
    ("vocabulary", "text", "expected"),
    [
        ("SNOMED", "84114007", True),
        ("SNOMED", "132721000119104", True),
        ("SNOMED", "84114070", False),
        ("SNOMED", "5551234567", False),
        ("LOINC", "2160-0", True),
        ("RxNorm", "29046", True),
        ("RxNorm", "Smith", False),
        ("ICD10CM", "I50.9", True),
        ("urn:local", "1", False),
        ("", "I50.9", False),
    ],
)
def test_a_code_has_the_form_of_its_vocabulary(vocabulary, text, expected):
    assert is_code_of(vocabulary, text) is expected

"""docs/extending/report_section.md does what it says."""

import json
from pathlib import Path

import pytest
from extending.pages import Site, install

SHIPPED = Path(__file__).parents[2] / "echomort/report/sections"
SECTIONS = """
import json
from types import SimpleNamespace
import pandas as pd
from echomort.report.sections import REPORT_SECTIONS, ReportInputs
inputs = ReportInputs(SimpleNamespace(cohort=pd.DataFrame({"label": [0, 1, 1]})), None, {}, {})
own = REPORT_SECTIONS.get("governance").build(inputs)
words = " ".join(text for block in own[0].blocks for text in block.texts)
places = {name: section.place for name, section in REPORT_SECTIONS.all().items()}
print(json.dumps([[section.title for section in own], words, places]))
"""
PAGE = """
import json
from types import SimpleNamespace
import pandas as pd
from echomort.report.blocks import Section
from echomort.report.sections import REPORT_SECTIONS, ReportInputs, ReportSection, report_sections
numbers = SimpleNamespace(without_result=lambda: None)
inputs = ReportInputs(SimpleNamespace(cohort=pd.DataFrame({"label": [0, 1, 1]})), numbers, {}, {})
for name in REPORT_SECTIONS._modules:
    REPORT_SECTIONS._things[name] = ReportSection(1, lambda inputs: [Section("own", "Own", [])])
page = report_sections(inputs, [])
print(json.dumps([sorted({section.title for section in page}), REPORT_SECTIONS.problems()]))
"""
RECIPE = """
from pathlib import Path
from assets.evaluation.report import REPORT
from echomort.settings import load_settings
settings = load_settings(None, {}, {})
print(*(part for part in REPORT.recipe(settings) if part.startswith("package") or "sections/archive" in part))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return install("report_section.md", tmp_path)


def test_a_section_of_another_package_has_its_place_among_those_of_the_product(site: Site) -> None:
    titles, words, places = json.loads(site.python(SECTIONS))
    assert titles == ["Governance"] and "use of 3 studies" in words
    order = sorted(places, key=places.__getitem__)
    assert order.index("provenance") < order.index("governance") < order.index("checklist")
    own = {path.stem for path in SHIPPED.glob("*.py")} - {"__init__"}
    assert set(places) == own | {"governance"}
    assert len(set(places.values())) == len(places)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return [\n", "    return [\n        inputs.data.no_such_table,\n"),
        ("    return [\n", '    return [\n        "text",\n'),
        ("place=125", 'place="late"'),
    ],
)
def test_one_that_fails_is_left_out_in_one_line_and_the_page_is_made(site: Site, old: str, new: str) -> None:
    assert json.loads(site.python(PAGE)) == [["Governance", "Own"], []]
    file = site.folder / "acme_report.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    titles, (problem,) = json.loads(site.python(PAGE))
    assert titles == ["Own"] and "acme_report:REPORT_SECTION of the package acme-report" in problem


def test_its_code_decides_the_report(site: Site) -> None:
    assert site.python(RECIPE).split() == ["file", "echomort/report/sections/archive.py", "package", "acme-report"]

"""docs/extending/adapter.md does what it says."""

import shutil
from pathlib import Path

import pytest
from extending.pages import ROOT, Site, install, record

EXTRACT = """
import sys
from warehouse.adapters.extract import adapter_files, adapter_folder, contract
name = sys.argv[1]
print(adapter_folder(name).name, contract(name)[0].table, adapter_files(name).get("acme_records/death.sql"))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The page's package, installed, with the files of the worked example."""
    found = install("adapter.md", tmp_path)
    shutil.copytree(ROOT / "docs/adapter_example", tmp_path / "acme_records")
    (tmp_path / "acme_records/__init__.py").write_text("")
    return found


def offer(site: Site, package: str, **points: str) -> None:
    """Install one more package with entry points for adapters."""
    record({"name": package, "version": "1.0", "entry-points": {"echomort.adapters": points}}, site.folder)


def test_an_adapter_of_a_package_is_taken_by_its_name(site: Site) -> None:
    folder, table, _ = site.python(EXTRACT, "acme").split()
    assert (folder, table) == ("acme_records", "patients")


def test_a_change_of_its_files_is_a_change_of_the_recipe(site: Site) -> None:
    before = site.python(EXTRACT, "acme")
    with (site.folder / "acme_records/death.sql").open("a") as file:
        file.write("\n-- more\n")
    assert site.python(EXTRACT, "acme") == before, "a comment changes nothing"
    with (site.folder / "acme_records/death.sql").open("a") as file:
        file.write("\nLIMIT 1\n")
    assert site.python(EXTRACT, "acme") != before


def test_the_names_of_all_adapters_are_told_where_one_is_unknown(site: Site) -> None:
    said = site.python(EXTRACT, "acne", fails=True)
    assert "known: canonical, fhir, meds, mimic_iv, omop, acme, or the path" in said


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nowhere_to_be_found", "is not a package"),
        ("nowhere.at_all", "can't be found (ModuleNotFoundError"),
        ("acme_empty", "holds no contract.csv"),
        ("acme-empty", "can't be found (ValueError: it is not written as module:constant)"),
        ("acme_exits.records", "can't be found (SystemExit: 3)"),
    ],
)
def test_a_broken_one_is_one_line_that_names_its_package(site: Site, value: str, words: str) -> None:
    (site.folder / "acme_exits").mkdir()
    (site.folder / "acme_exits/__init__.py").write_text("import sys\nsys.exit(3)\n")
    (site.folder / "acme_empty").mkdir()
    (site.folder / "acme_empty/__init__.py").write_text("")
    offer(site, "broken-records", broken=value)
    said = site.python(EXTRACT, "broken", fails=True).splitlines()[-1]
    assert words in said and "broken-records" in said


def test_two_of_one_name_are_refused_and_a_shipped_one_is_kept(site: Site) -> None:
    offer(site, "other-records", acme="other_records", omop="acme_records")
    said = site.python(EXTRACT, "acme", fails=True).splitlines()[-1]
    assert "two adapters are named acme" in said and "acme-records" in said and "other-records" in said
    assert site.python(EXTRACT, "omop").split()[0] == "omop"

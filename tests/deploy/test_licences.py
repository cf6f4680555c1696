"""Every dependency has a licence that is allowed, or was judged; the bill of materials names each of them."""

import json
from email.message import Message
from pathlib import Path

import pytest

from deploy import licences, sbom
from deploy.dependencies import Closure, Package, closure, requirements


def package(name: str, **fields: str) -> Package:
    """A package as its metadata describe it."""
    metadata = Message()
    for key, value in fields.items():
        metadata[key.replace("_", "-")] = value
    return Package(name, "1.0", metadata)  # type: ignore[arg-type]


def only(one: Package) -> Closure:
    """A closure that holds nothing else."""
    return Closure({one.name: one}, {one.name}, set())


def test_every_installed_dependency_may_be_used() -> None:
    assert licences.problems(closure(requirements(with_developers=True))) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"License_Expression": "GPL-3.0-only"},
        {"License_Expression": "MIT AND AGPL-3.0-or-later"},
        {"License_Expression": "(MIT OR Apache-2.0) AND GPL-2.0-only"},
        {"Classifier": "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"},
        {"License": "GPLv2", "Classifier": "License :: OSI Approved"},
        {"License": "GPLv2", "Classifier": "License :: DFSG approved"},
        {"License": "a licence of our own making"},
        {"License": "Copyright. All rights reserved.\nYou may not."},
        {},
    ],
)
def test_what_is_not_allowed_is_named(fields: dict[str, str]) -> None:
    (line,) = licences.problems(only(package("someone", **fields)))
    assert line.startswith("someone 1.0 states ")


@pytest.mark.parametrize(
    "fields",
    [
        {"License_Expression": "GPL-3.0-only OR MIT"},
        {"License_Expression": "Apache-2.0 WITH LLVM-exception AND MIT"},
        {"Classifier": "License :: OSI Approved :: BSD License", "License": "Copyright (c) us. " * 9},
        {"License": "MPL-2.0 AND MIT"},
        {"License": "MIT", "Classifier": "License :: DFSG approved"},
    ],
)
def test_what_is_allowed_passes(fields: dict[str, str]) -> None:
    assert licences.problems(only(package("someone", **fields))) == []


def test_a_judgement_holds_for_the_licence_that_was_judged() -> None:
    assert "judged was" in licences.problems(only(package("pebble", License_Expression="GPL-3.0-only")))[0]


def test_a_library_under_the_gpl_within_a_wheel_is_seen() -> None:
    codec = package("codec", License_Expression="MIT")
    codec.files += ["libx264-d6533a8d.so.165", "libx264-d6533a8d.so", "__init__.py"]
    assert licences.problems(only(codec)) == ["codec 1.0 states MIT, and its files hold x264 (GPL)"]


def test_every_judgement_is_of_a_dependency_and_has_a_reason() -> None:
    wanted = {one.name for one in requirements(with_developers=True)} | {"psycopg2-binary"}  # of dagster-postgres
    assert set(licences.judged()) <= wanted and all(len(row["reason"]) > 40 for row in licences.judged().values())


def test_the_bill_has_what_its_form_asks_for(tmp_path: Path) -> None:
    sbom.main(tmp_path / "a.json")
    sbom.main(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    bill = json.loads((tmp_path / "a.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert bill["serialNumber"].startswith("urn:uuid:") and len(bill["serialNumber"]) == 45
    components = [bill["metadata"]["component"], *bill["components"]]
    references = [one["bom-ref"] for one in components]
    assert len(set(references)) == len(references)
    assert all(one["type"] in ("application", "library") and one["name"] and one["version"] for one in components)
    assert [link["ref"] for link in bill["dependencies"]] == sorted(references)
    assert {one for link in bill["dependencies"] for one in link["dependsOn"]} <= set(references)


def test_the_bill_names_what_is_shipped_and_nothing_for_developers(tmp_path: Path) -> None:
    names = {one["name"]: one for one in sbom.bill(closure(requirements(with_developers=False)))["components"]}
    assert {"torch", "numpy", "dagster", "sqlalchemy", "pydicom"} <= set(names) and "pytest" not in names
    assert names["cryptography"]["licenses"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]
    assert names["pydicom"]["licenses"] == [{"license": {"id": "MIT"}}]

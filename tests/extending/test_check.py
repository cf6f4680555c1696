"""docs/extending/check.md does what it says."""

import shutil
from pathlib import Path

import pytest
from extending.pages import install
from extracts import empty_warehouse

from echomort.core.errors import UserError
from warehouse.checks import assertions

NAME = "no_study_before_birth"


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the warehouse's files with the page's own among them."""
    shutil.copytree(assertions.ROOT / "checks/assertions", tmp_path / "warehouse/checks/assertions")
    install("check.md", tmp_path)
    for module in ("warehouse.checks.assertions", "warehouse.queries"):
        monkeypatch.setattr(f"{module}.ROOT", tmp_path / "warehouse")
    return tmp_path / f"warehouse/checks/assertions/{NAME}.sql"


def test_the_file_alone_is_the_check_and_counts_what_offends(shown: Path) -> None:
    (own,) = [one for one in assertions.assertions() if one.name == NAME]
    assert (own.asset, own.also, own.never) == ("study", ("patient",), "A study before its patient was born.")
    connection = empty_warehouse()
    connection.execute("INSERT INTO patient (patient_key, birth_date) VALUES ('p', DATE '1950-01-01')")
    for key, day in (("before", "1949-12-31"), ("after", "1950-01-01")):
        connection.execute("INSERT INTO study (study_key, patient_key, study_at) VALUES (?, 'p', ?)", [key, day])
    assert assertions.check(connection, NAME) == 1


def test_a_file_without_its_first_lines_is_refused_by_name(shown: Path) -> None:
    shown.write_text("SELECT 0 AS offending\n")
    with pytest.raises(UserError, match=rf"{NAME}\.sql does not name its asset.*-- asset"):
        assertions.assertions()

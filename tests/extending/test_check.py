"""docs/extending/check.md does what it says."""

import shutil
from pathlib import Path

import pytest
from extending.pages import install
from extracts import empty_warehouse

from assets.graph import STAGES
from echomort.core.errors import UserError
from warehouse.checks import assertions

ASSETS = {name for stage in STAGES for name in stage.assets}
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
    (own,) = [one for one in assertions.assertions(ASSETS) if one.name == NAME]
    assert (own.asset, own.also, own.never) == ("study", ("patient",), "A study before its patient was born.")
    connection = empty_warehouse()
    connection.execute("INSERT INTO patient (patient_key, birth_date) VALUES ('p', DATE '1950-01-01')")
    for key, day in (("before", "1949-12-31"), ("after", "1950-01-01")):
        connection.execute("INSERT INTO study (study_key, patient_key, study_at) VALUES (?, 'p', ?)", [key, day])
    assert assertions.check(connection, NAME) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"SELECT 0 AS offending\n", r"does not name its asset.*-- asset"),
        (b"-- asset: studies\n-- never: This.\nSELECT 0\n", "names studies, which is no asset: name one of.* study,"),
        (b"-- asset: study\n-- also: patients\n-- never: This.\nSELECT 0\n", "names patients, which is no asset"),
        (b"-- asset: study\n-- never: \xdcber.\nSELECT 0\n", "can't be read: save it as text in UTF-8"),
    ],
)
def test_a_file_that_can_not_be_a_check_is_refused_by_name(shown: Path, content: bytes, said: str) -> None:
    shown.write_bytes(content)
    with pytest.raises(UserError, match=rf"checks/assertions/{NAME}\.sql {said}"):
        assertions.assertions(ASSETS)


def test_a_file_with_a_byte_order_mark_is_read(shown: Path) -> None:
    shown.write_text(shown.read_text(), encoding="utf-8-sig")
    assert NAME in {one.name for one in assertions.assertions(ASSETS)}
    assert assertions.check(empty_warehouse(), NAME) == 0

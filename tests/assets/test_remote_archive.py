"""An archive in object storage, through the graph's first assets."""

import dagster as dg
import fsspec
import pytest
import yaml
from echo_files import EchoFile
from pydicom.uid import generate_uid

from assets import status
from assets.checks.running import check_results
from assets.imaging.dicom_index import DICOM_INDEX, dicom_index
from assets.project import Project
from assets.quality import BY_ASSET
from assets.sources.dicom_archive import DICOM_ARCHIVE, dicom_archive
from warehouse import ledger

ROOT = "/bucket/echo"


@pytest.fixture
def storage(tmp_path):
    """Three loops in two folders of an object storage."""
    storage = fsspec.filesystem("memory")
    for name in ("one/a", "one/b", "two/c"):
        _put(storage, tmp_path, name)
    yield storage
    storage.rm("/bucket", recursive=True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    sources = {"dicom": f"memory:/{ROOT}", "ehr": str(tmp_path)}
    (home / "echomort.yaml").write_text(yaml.safe_dump({"preset": "demo", "sources": sources}))
    monkeypatch.setenv("ECHOMORT_KEY", "k" * 40)
    monkeypatch.delenv("ECHOMORT_CONFIG", raising=False)
    return Project(home=str(home))


def _put(storage, folder, name):
    loop = EchoFile(tags={"SOPInstanceUID": generate_uid()})
    storage.pipe(f"{ROOT}/{name}.dcm", loop.write(folder / "loop.dcm").read_bytes())


def _run(project):
    fresh = Project(home=project.home)
    assert dg.materialize([dicom_archive, dicom_index], resources={"project": fresh}).success
    check_results(Project(home=project.home), BY_ASSET["dicom_archive"])


def _units(project):
    with project.reader() as connection:
        index = ledger.entries(connection, DICOM_INDEX.name)
        accepted = connection.execute("SELECT count(*) FROM dicom_instance WHERE status = 'accepted'").fetchall()[0][0]
        archive = ledger.entries(connection, DICOM_ARCHIVE.name)[ledger.WHOLE]
    return {unit: entry.fingerprint for unit, entry in index.items()}, accepted, archive.digest


def _state(project):
    rows = {row["asset"]: row["state"] for row in status.asset_states(Project(home=project.home))}
    return rows["dicom_archive"], rows["dicom_index"]


def test_new_changed_and_gone_objects_cost_their_own_folder(storage, project, tmp_path):
    _run(project)
    units, accepted, archive = _units(project)
    assert (len(units), accepted) == (2, 3)
    assert _state(project)[0] == "up to date"

    _put(storage, tmp_path, "two/c")
    assert _state(project) == ("stale", "stale")
    _run(project)
    changed, accepted, later = _units(project)
    assert accepted == 3
    assert later != archive
    assert sum(units[unit] == changed[unit] for unit in units) == 1

    storage.rm(f"{ROOT}/one", recursive=True)
    _run(project)
    left, accepted, _ = _units(project)
    assert (len(left), accepted) == (1, 1)
    assert _state(project)[0] == "up to date"


def test_a_mirror_that_lost_a_file_is_stale_and_mended(storage, project):
    _run(project)
    units, _, archive = _units(project)
    (project.settings.dicom_root / "one/a.dcm").unlink()
    assert _state(project)[0] == "stale"
    _run(project)
    assert _units(project) == (units, 3, archive)
    assert _state(project)[0] == "up to date"


def test_names_of_objects_reach_neither_the_warehouse_nor_the_log(storage, project, tmp_path, caplog):
    _put(storage, tmp_path, "DOE_JANE/visit")
    _run(project)
    assert "DOE_JANE" not in caplog.text
    for path in (project.root / "index", project.root / "warehouse.duckdb"):
        for file in path.rglob("*") if path.is_dir() else [path]:
            assert not file.is_file() or b"DOE_JANE" not in file.read_bytes()

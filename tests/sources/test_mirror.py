import os
import zipfile
from types import SimpleNamespace

import fsspec
import pytest

from echomort.core.errors import UserError
from echomort.core.exclusion import Erased, Exclusion, write_exclusion
from echomort.core.keys import Keyring
from echomort.core.listing import list_files
from echomort.settings import load_settings
from echomort.sources.mirror import Mirrored, is_current, list_remote, mirror
from echomort.sources.retry import Patience, patiently

URL = "memory://hospital/echo"
WAITS: list[float] = []
PATIENCE = Patience(attempts=3, sleep=WAITS.append)


@pytest.fixture
def storage():
    """Object storage in memory, with two studies in it."""
    storage = fsspec.filesystem("memory")
    storage.pipe("/hospital/echo/one/a.dcm", b"first")
    storage.pipe("/hospital/echo/one/b.dcm", b"second")
    storage.pipe("/hospital/echo/two/c.dcm", b"third")
    storage.pipe("/hospital/elsewhere/d.dcm", b"no part of it")
    WAITS.clear()
    yield storage
    storage.rm("/hospital", recursive=True)


def _mirror(folder):
    return mirror(URL, folder, "sources.dicom", patience=PATIENCE)


def _held(folder):
    return {file.path: (folder / file.path).read_bytes() for file in list_files(folder, "sources.dicom")}


def test_the_mirror_holds_what_the_storage_holds(storage, tmp_path):
    assert _mirror(tmp_path) == Mirrored(fetched=3, removed=0, kept=0)
    assert _held(tmp_path) == {"one/a.dcm": b"first", "one/b.dcm": b"second", "two/c.dcm": b"third"}


def test_only_what_changed_is_fetched_and_what_is_gone_goes(storage, tmp_path):
    _mirror(tmp_path)
    before = {file.path: file.stamp for file in list_files(tmp_path, "sources.dicom")}
    storage.pipe("/hospital/echo/one/a.dcm", b"FIRST")  # as long as before: only its version tells
    storage.pipe("/hospital/echo/two/new.dcm", b"fourth")
    storage.rm("/hospital/echo/two/c.dcm")
    assert _mirror(tmp_path) == Mirrored(fetched=2, removed=1, kept=1)
    assert _held(tmp_path) == {"one/a.dcm": b"FIRST", "one/b.dcm": b"second", "two/new.dcm": b"fourth"}
    after = {file.path: file.stamp for file in list_files(tmp_path, "sources.dicom")}
    assert after["one/b.dcm"] == before["one/b.dcm"]
    assert after["one/a.dcm"] != before["one/a.dcm"]
    assert _mirror(tmp_path) == Mirrored(fetched=0, removed=0, kept=3)


def test_the_listing_foretells_the_mirror_so_that_a_look_tells_what_is_new(storage, tmp_path):
    foretold = [remote.file for remote in list_remote(URL, "sources.dicom")]
    assert not any(is_current(tmp_path, file) for file in foretold)
    _mirror(tmp_path)
    assert list_files(tmp_path, "sources.dicom") == foretold
    assert all(is_current(tmp_path, file) for file in foretold)


def test_what_stands_for_a_folder_and_what_is_hidden_are_no_files(storage, tmp_path, monkeypatch):
    found = storage.find("/hospital/echo", detail=True)
    for key in ("one", "one/", "", ".manifest", ".cache/x.dcm"):
        found[f"/hospital/echo/{key}"] = {"size": 0, "type": "file"}
    monkeypatch.setattr(storage, "find", lambda root, detail: found)
    assert _mirror(tmp_path).fetched == 3


class _Failing:
    """Fails the first times that an object is fetched, having written half of it."""

    def __init__(self, storage, failures, error):
        self.storage, self.failures, self.error, self.calls = storage, failures, error, 0
        self.whole = storage.get_file

    def __call__(self, key, target, **how):
        self.calls += 1
        if self.calls <= self.failures:
            with open(target, "wb") as file:
                file.write(b"ha")
            if self.error:
                raise self.error
            return
        self.whole(key, target, **how)


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError(), RuntimeError("SlowDown"), None])
def test_a_passing_failure_is_waited_for_longer_each_time(storage, tmp_path, monkeypatch, error):
    monkeypatch.setattr("echomort.sources.mirror.STREAMS", 1)
    monkeypatch.setattr(storage, "get_file", _Failing(storage, 2, error))
    assert _mirror(tmp_path).fetched == 3
    assert _held(tmp_path)["one/a.dcm"] == b"first"
    assert len(WAITS) == 2
    assert WAITS[1] > WAITS[0]


def test_a_lasting_failure_is_one_line_and_leaves_no_half_object(storage, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "get_file", _Failing(storage, 10**6, OSError("object one/a.dcm of DOE^JANE")))
    with pytest.raises(UserError) as told:
        _mirror(tmp_path)
    assert "run again" in str(told.value)
    assert "DOE" not in str(told.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_mirror_that_was_broken_off_goes_on(storage, tmp_path, monkeypatch):
    monkeypatch.setattr("echomort.sources.mirror.STREAMS", 1)
    whole = storage.get_file
    monkeypatch.setattr(storage, "get_file", lambda key, target: whole(key, target) if "b.dcm" not in key else 1 / 0)
    with pytest.raises(UserError):
        _mirror(tmp_path)
    assert (tmp_path / "one/a.dcm").read_bytes() == b"first"
    monkeypatch.setattr(storage, "get_file", whole)
    found = _mirror(tmp_path)
    assert found.fetched + found.kept == 3
    assert found.kept >= 1


@pytest.mark.parametrize("key", ["../outside.dcm", "one/../../outside.dcm"])
def test_a_name_that_leaves_the_folder_is_refused(storage, tmp_path, monkeypatch, key):
    found = {f"/hospital/echo/{key}": {"size": 5, "created": 1.0}}
    monkeypatch.setattr(storage, "find", lambda root, detail: found)
    with pytest.raises(UserError, match="leaves the folder"):
        mirror(URL, tmp_path / "mirror", "sources.dicom", patience=PATIENCE)
    assert not (tmp_path / "outside.dcm").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://hospital/nothing", "holds no object"),
        ("s3://bucket/echo", "driver"),
        ("carrier-pigeon://loft", "kind of storage"),
    ],
)
def test_what_a_person_must_mend_is_said_in_one_line_at_once(storage, url, said):
    if url.startswith("s3"):
        pytest.importorskip("fsspec")
        if __import__("importlib").util.find_spec("s3fs"):
            pytest.skip("s3fs is installed")
    with pytest.raises(UserError, match=said) as told:
        list_remote(url, "sources.dicom", PATIENCE)
    assert "sources.dicom" in str(told.value)
    assert WAITS == []


def test_credentials_are_refused_in_an_address_and_their_like_is_not_printed():
    with pytest.raises(UserError) as told:
        load_settings(flags={"sources.dicom": "sftp://jane:hunter2@host/echo"}, environment={})
    assert "hunter2" not in str(told.value)
    assert "environment" in str(told.value)


def test_an_address_keeps_its_slashes_and_a_file_address_is_a_folder():
    def source(given):
        return load_settings(flags={"sources.dicom": given, "home": "/srv/home"}, environment={})

    assert source("s3://bucket/echo").sources.dicom == "s3://bucket/echo"
    assert str(source("s3://bucket/echo").dicom_root) == "/srv/home/mirror/dicom"
    assert str(source("file:///archive/echo").dicom_root) == "/archive/echo"
    assert str(source("/archive/echo").dicom_root) == "/archive/echo"


def test_waits_double_up_to_a_limit_and_what_will_not_pass_is_raised_at_once():
    waits = []
    patience = Patience(attempts=8, first_wait=1, longest_wait=10, sleep=waits.append)
    with pytest.raises(UserError, match="enough"):
        patiently(lambda: 1 / 0, lambda error: True, UserError("enough", "rest"), patience)
    assert len(waits) == 7
    assert all(
        0.75 * nominal <= wait <= 1.25 * nominal for wait, nominal in zip(waits, [1, 2, 4, 8, 10, 10, 10], strict=True)
    )
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 / 0, lambda error: False, UserError("enough", "rest"), patience)
    assert len(waits) == 7


def test_an_archive_in_object_storage_is_stale_until_its_mirror_is_current(storage, tmp_path):
    from assets.sources import dicom_archive as sources

    settings = load_settings(flags={"sources.dicom": URL, "sources.ehr": "/e", "home": str(tmp_path)}, environment={})
    project = SimpleNamespace(settings=settings, root=tmp_path, keyring=Keyring(b"k" * 32))
    seen = sources.archive_fingerprint(settings)
    assert sources._archive_to_read(project) != seen
    sources.ensure_mirrored(project, lambda done, total: None)
    assert sources._archive_to_read(project) == seen == sources.archive_fingerprint(settings)
    (settings.dicom_root / "one/a.dcm").unlink()
    assert sources._archive_to_read(project) != seen
    sources.ensure_mirrored(project, lambda done, total: None)
    os.utime(settings.dicom_root / "one/b.dcm")
    assert sources._archive_to_read(project) != seen
    sources.ensure_mirrored(project, lambda done, total: None)
    assert sources._archive_to_read(project) == seen
    storage.pipe("/hospital/echo/two/late.dcm", b"late")
    assert sources.archive_fingerprint(settings) != seen
    erased = Erased(("p",), (), (project.keyring.pseudonym("instance", "one/a.dcm"),))
    write_exclusion(tmp_path, Exclusion((erased,)))
    sources.ensure_mirrored(project, lambda done, total: None)
    assert not (settings.dicom_root / "one/a.dcm").exists() and (settings.dicom_root / "two/late.dcm").exists()
    assert sources._archive_to_read(project) != sources.archive_fingerprint(settings)


@pytest.mark.parametrize("name", ["a\0b.dcm", "a" * 300])
def test_a_name_that_no_file_can_have_is_said_at_once(storage, tmp_path, name):
    storage.pipe(f"/hospital/echo/{name}", b"x")
    with pytest.raises(UserError, match="can't be the name of a file") as error:
        _mirror(tmp_path)
    assert name not in str(error.value) and WAITS == []


def test_a_name_with_an_empty_folder_in_it_is_kept(storage, tmp_path):
    storage.pipe("/hospital/echo//one//d.dcm", b"fourth")
    for fetched in (4, 0):
        assert _mirror(tmp_path) == Mirrored(fetched=fetched, removed=0, kept=4 - fetched)
    assert _held(tmp_path)["one/d.dcm"] == b"fourth"


def test_names_that_would_be_one_file_are_refused(storage, tmp_path):
    storage.pipe("/hospital/echo/one//a.dcm", b"other")
    with pytest.raises(UserError, match="only in their slashes"):
        _mirror(tmp_path)


def test_an_archive_file_may_be_the_storage(tmp_path):
    with zipfile.ZipFile(tmp_path / "echo.zip", "w") as archive:
        archive.writestr("one/a.dcm", b"first")
    url = f"zip://::file://{tmp_path}/echo.zip"
    assert mirror(url, tmp_path / "mirror", "sources.dicom", patience=PATIENCE).fetched == 1
    assert _held(tmp_path / "mirror") == {"one/a.dcm": b"first"}

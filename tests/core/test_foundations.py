"""Keys, files, fingerprints, the ledger, the vault, the listing of a source."""

import os
import subprocess
import sys

import duckdb
import numpy as np
import pytest

from echomort.clips import store as clips
from echomort.core.errors import UserError
from echomort.core.files import atomic_folder, atomic_path, remove_leftovers, resolve_under, write_text
from echomort.core.fingerprint import digest
from echomort.core.keys import Keyring, load_keyring
from echomort.core.listing import files_in, list_files
from warehouse import ledger, vault
from warehouse.connection import connect

KEY = Keyring(b"k" * 32)


def test_pseudonyms_depend_on_key_and_domain_and_nothing_else():
    assert KEY.pseudonym("patient", "17") == Keyring(b"k" * 32).pseudonym("patient", " 17 ")
    assert KEY.pseudonym("patient", "17") != KEY.pseudonym("study", "17")
    assert KEY.pseudonym("patient", "17") != Keyring(b"j" * 32).pseudonym("patient", "17")


def test_names_of_files_may_hold_spaces_and_bytes_that_are_no_text(tmp_path):
    names = [b"loop", b"loop ", b" loop", b"\xe9t\xe9", b"\xc3\xa9t\xc3\xa9"]
    for name in names:
        folder = os.path.join(os.fsencode(tmp_path), b"archive", name)
        os.makedirs(folder)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"x")
    files = list_files(tmp_path / "archive", "sources.dicom")
    assert sorted(os.fsencode(file.folder) for file in files) == sorted(names)
    folders = {KEY.pseudonym("folder", file.folder): file.folder for file in files}
    assert len(folders) == len({KEY.pseudonym("instance", file.path) for file in files}) == len(names)
    vault.remember(tmp_path / "vault", "folder", folders)
    assert vault.recall(tmp_path / "vault", "folder", folders) == folders
    assert vault.recall_all(tmp_path / "vault", "folder") == folders


def test_links_in_a_circle_and_folders_that_cannot_be_read_end_no_listing_unexplained(tmp_path, monkeypatch):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "file").write_text("x")
    assert [file.path for file in list_files(tmp_path, "sources.dicom")] == ["file"]

    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(os, "scandir", refuse)  # the tests may run as root, who may read everything
    with pytest.raises(UserError, match="can't be read"):
        list_files(tmp_path, "sources.dicom")


def test_a_folder_that_goes_while_it_is_listed_is_left_out(tmp_path, monkeypatch):
    for name in ("goes", "stays"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    scan = os.scandir

    def going(folder):
        if str(folder).endswith("goes"):
            os.rename(folder, tmp_path / ".gone")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", going)
    assert [file.path for file in list_files(tmp_path, "sources.dicom")] == ["stays/file"]


def test_date_shifts_lie_within_a_year_and_differ():
    shifts = [KEY.shift_days(KEY.pseudonym("patient", str(number))) for number in range(6000)]
    assert min(shifts) == 1
    assert max(shifts) == 365
    assert len(set(shifts)) == 365


def test_a_key_is_never_shown():
    assert "kkkk" not in repr(KEY)


def test_without_a_key_nothing_starts(tmp_path, monkeypatch):
    monkeypatch.delenv("ECHOMORT_KEY", raising=False)
    with pytest.raises(UserError, match="no key"):
        load_keyring(None, synthetic=False)
    assert load_keyring(None, synthetic=True).is_public
    file = tmp_path / "key"
    file.write_text("0" * 64)
    file.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        load_keyring(file, synthetic=False)
    file.chmod(0o600)
    assert not load_keyring(file, synthetic=False).is_public
    monkeypatch.setenv("ECHOMORT_KEY", "short")
    with pytest.raises(UserError, match="shorter than 32"):
        load_keyring(None, synthetic=False)


def test_an_interrupted_write_leaves_the_former_file(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "former")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "former"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_an_interrupted_folder_leaves_the_former_one(tmp_path):
    target = tmp_path / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "a").write_text("former")
    with pytest.raises(RuntimeError), atomic_folder(target) as temporary:
        (temporary / "a").write_text("half")
        raise RuntimeError
    assert (target / "a").read_text() == "former"
    with atomic_folder(target) as temporary:
        (temporary / "b").write_text("new")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_a_killed_run_left_is_removed(tmp_path):
    (tmp_path / "clips" / ".tmp_folder").mkdir(parents=True)
    (tmp_path / "clips" / ".tmp_file").touch()
    (tmp_path / "clips" / "kept").touch()
    assert remove_leftovers(tmp_path) == 2
    assert [path.name for path in (tmp_path / "clips").iterdir()] == ["kept"]


def test_paths_never_leave_their_root(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to("/etc")
    for wrong in ("../x", "/etc/passwd", "link/passwd"):
        with pytest.raises(ValueError, match="root"):
            resolve_under(tmp_path / "in", wrong)


def test_digests_tell_order_and_boundaries_apart():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest([1, 2]) != digest([2, 1])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_listing_leaves_out_hidden_files_and_links_out_of_the_root(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_text("1")
    (tmp_path / "a" / "b" / "two").write_text("2")
    (tmp_path / ".hidden").touch()
    (tmp_path / "a" / "out").symlink_to("/etc/hostname")
    assert [file.path for file in list_files(tmp_path, "x")] == ["a/b/two", "a/one"]
    assert [file.path for file in files_in(tmp_path, "a")] == ["a/one"]
    with pytest.raises(UserError, match=r"sources\.dicom does not exist"):
        list_files(tmp_path / "none", "sources.dicom")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no file"):
        list_files(tmp_path / "empty", "sources.dicom")


def test_clips_come_back_as_they_went(tmp_path):
    path = tmp_path / "study.safetensors"
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    clips.write_study(path, {"b": pixels, "a": pixels[::-1]}, [{"clip_key": "a"}])
    back = clips.read_study(path)
    assert list(back) == ["a", "b"]
    np.testing.assert_array_equal(back["b"], pixels)
    np.testing.assert_array_equal(back["a"], pixels[::-1])
    assert clips.read_rows(path) == [{"clip_key": "a"}]
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match="damaged"):
        clips.read_study(path)


def test_shards_are_spread_and_stable():
    keys = [KEY.pseudonym("patient", str(number)) for number in range(6400)]
    counts = np.bincount([clips.shard_of(key) for key in keys], minlength=64)
    assert counts.min() > 60
    assert clips.shard_of("0000004100000000") == 1


def test_a_failed_transaction_leaves_no_trace(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    entry = ledger.Entry("unit", "made from", "is", details={"rows": 3})
    with connect(path) as connection:
        ledger.record(connection, "asset", [entry])
    with pytest.raises(RuntimeError), connect(path) as connection:
        ledger.record(connection, "asset", [ledger.Entry("unit", "other", "other")])
        raise RuntimeError
    with connect(path, read_only=True) as connection:
        assert ledger.entries(connection, "asset") == {"unit": entry}


def test_table_digests_follow_content_not_order():
    connection = duckdb.connect()
    connection.execute("CREATE TABLE a AS SELECT * FROM (VALUES (1, 'x'), (2, 'y')) t(n, s)")
    connection.execute("CREATE TABLE b AS SELECT * FROM a ORDER BY n DESC")
    connection.execute("CREATE TABLE c AS SELECT n, upper(s) AS s FROM a")
    one, two, three = (ledger.table_digest(connection, table) for table in "abc")
    assert one[1] == 2
    assert one == two
    assert one != three


def test_another_process_holding_the_warehouse_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr("warehouse.connection.LOCK_PAUSES", (0.01,))
    path = tmp_path / "warehouse.duckdb"
    code = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(UserError, match="another process holds the warehouse") as error, connect(path):
            pass
        assert "\n" not in str(error.value)
        holder.stdin.close()


def test_a_damaged_warehouse_names_the_remedy(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(UserError, match="restore"), connect(path):
        pass


def test_the_vault_is_its_owners_alone(tmp_path):
    path = tmp_path / "vault.duckdb"
    vault.remember(path, "patient", {"k1": "17", "k2": "18"})
    vault.remember(path, "patient", {"k1": "17"})
    assert vault.recall(path, "patient", ["k1", "k3"]) == {"k1": "17"}
    assert vault.recall(path, "study", ["k1"]) == {}
    assert os.stat(path).st_mode & 0o077 == 0


@pytest.mark.parametrize("place", ["taken/new.txt", "taken/below/new.txt"])
@pytest.mark.parametrize("write", [write_text, lambda target, _: atomic_folder(target).__enter__()])
def test_a_file_where_a_folder_should_be_is_named(place, write, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UserError, match="taken is a file, and no folder: name another place"):
        write(tmp_path / place, "text")
    assert (tmp_path / "taken").read_text() == "mine"

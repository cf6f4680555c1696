"""A block that plans reads its inputs once; what changes is seen by the next one, and without a block at once."""

from pathlib import Path
from unittest import mock

import pytest

from echomort.core import listing
from echomort.core.errors import UserError
from echomort.core.listing import list_files, require_files
from echomort.core.once import once, reading_once


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.dcm").write_bytes(b"one")
    return tmp_path


def test_a_folder_is_listed_once_in_a_block_and_anew_after_it(archive: Path) -> None:
    with mock.patch.object(listing, "_walk", wraps=listing._walk) as walked:
        with reading_once():
            first = list_files(archive, "sources.dicom")
            (archive / "a/2.dcm").write_bytes(b"two")
            with reading_once():
                assert list_files(archive, "sources.dicom") is first, "one look, however the block is nested"
        assert walked.call_count == 1
        assert [file.path for file in list_files(archive, "sources.dicom")] == ["a/1.dcm", "a/2.dcm"]
        with reading_once():
            assert len(list_files(archive, "sources.dicom")) == 2


def test_another_folder_and_an_error_are_looked_at_again(archive: Path) -> None:
    other = archive / "a/other"
    with reading_once():
        assert len(list_files(archive, "sources.dicom")) == 1
        with pytest.raises(UserError):
            list_files(other, "sources.ehr")
        other.mkdir()
        (other / "records.csv").touch()
        assert [file.path for file in list_files(other, "sources.ehr")] == ["records.csv"]


def test_an_error_ends_the_block(archive: Path) -> None:
    with pytest.raises(RuntimeError), reading_once():
        once("key", lambda: 1)
        raise RuntimeError
    assert once("key", lambda: 2) == 2


@pytest.mark.parametrize("make", [Path, lambda path: path.mkdir(), lambda path: (path / ".hidden").mkdir(parents=True)])
def test_a_folder_without_files_is_named_as_a_listing_names_it(tmp_path: Path, make: object) -> None:
    folder = tmp_path / "dicom"
    make(folder)  # type: ignore[operator]
    errors = []
    for look in (list_files, require_files):
        with pytest.raises(UserError) as error:
            look(folder, "sources.dicom")
        errors.append(str(error.value))
    assert errors[0] == errors[1]


def test_a_file_at_any_depth_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a/b/c/file").touch()
    require_files(tmp_path, "sources.dicom")

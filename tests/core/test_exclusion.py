"""Who was erased is kept by pseudonyms alone, and forgotten by no accident."""

from pathlib import Path

import pytest

from echomort.core.audit import LOG, Audited, append, check_chain, read_log, redact
from echomort.core.errors import UserError
from echomort.core.exclusion import FILE, Erased, Exclusion, read_exclusion, without_erased, write_exclusion
from echomort.core.keys import Keyring
from echomort.core.listing import SourceFile


def test_it_is_read_as_it_was_written_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    assert read_exclusion(tmp_path) == Exclusion()
    one = Erased(("a", "b"), ("s",), ("i",), ("folder",), {"rows of clip": 2})
    write_exclusion(tmp_path, Exclusion().having(one))
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    again = read_exclusion(tmp_path)
    assert again.of(["b"]) == one and again.of(["c"]) is None
    done = Erased(("a", "b"), ("s",), ("i",))
    assert again.having(done).erased == (done,), "the same person is not listed twice"
    assert again.having(done).digest == again.digest, "later runs leave out the same"


def test_a_damaged_one_stops_every_run(tmp_path: Path) -> None:
    for text in ("{", "[1]", '[{"patients": []}]'):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(UserError, match="exclusion"):
            read_exclusion(tmp_path)


def test_files_are_left_out_by_the_pseudonym_of_their_path(tmp_path: Path) -> None:
    keyring = Keyring(b"k" * 32)
    files = [SourceFile("a/1.dcm", 1, 1), SourceFile("a/2.dcm", 1, 1)]
    assert without_erased(files, tmp_path, keyring) == files
    erased = Erased(("p",), (), (keyring.pseudonym("instance", "a/1.dcm"),))
    write_exclusion(tmp_path, Exclusion((erased,)))
    assert without_erased(files, tmp_path, keyring) == files[1:]


def test_the_audit_log_without_a_patient_is_a_whole_chain_again(tmp_path: Path) -> None:
    import re

    begun = append(tmp_path, "labels", "begun", Audited())
    append(tmp_path, "labels", "done", Audited(["patient aaaa1111", "patient bbbb2222"], {"patients": 2}), begun)
    append(tmp_path, "predict", "done", Audited(["file cccc3333"]))
    pattern = re.compile("aaaa1111")
    assert redact(tmp_path, pattern) == 1 and redact(tmp_path, pattern) == 0
    assert "aaaa1111" not in (tmp_path / LOG).read_text()
    assert [record["objects"] for record in read_log(tmp_path)] == [
        [],
        ["erased", "patient bbbb2222"],
        ["file cccc3333"],
    ]
    append(tmp_path, "predict", "done", Audited())
    chain = check_chain(tmp_path)
    assert chain.broken is None and chain.lines == 4
    assert (tmp_path / LOG).stat().st_mode & 0o777 == 0o600

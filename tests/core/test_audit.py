"""The audit log: a changed, moved or missing line breaks its chain, and nothing that was written is lost."""

import json
import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.audit import LOG, MOST_OBJECTS, Audited, append, audited, check_chain, read_log
from echomort.core.errors import UserError


def write(home: Path, lines: int) -> list[bytes]:
    for number in range(lines):
        append(home, "predict", "done", Audited([f"file {number}"], {"files": number}))
    return (home / LOG).read_bytes().splitlines(keepends=True)


def test_a_command_has_a_line_before_it_hands_out_anything_and_one_after_it(tmp_path: Path) -> None:
    with audited(tmp_path, "labels") as noted:
        (begun,) = read_log(tmp_path)
        noted.add(["patient a", "patient b"], patients=2)
        noted.add([], patients=1, studies=4)
    with pytest.raises(KeyboardInterrupt), audited(tmp_path, "predict") as noted:
        noted.add(["file c"])
        raise KeyboardInterrupt
    log = read_log(tmp_path)
    assert log[0] == begun and [line["event"] for line in log] == ["begun", "done", "begun", "failed"]
    assert [line["begun"] for line in log] == [None, 1, None, 3]
    assert log[1]["objects"] == ["patient a", "patient b"] and log[1]["counts"] == {"patients": 3, "studies": 4}
    assert log[3]["objects"] == ["file c"] and log[0]["at"].endswith("+00:00")
    assert stat.S_IMODE((tmp_path / LOG).stat().st_mode) == 0o600
    assert check_chain(tmp_path).lines == 4 and check_chain(tmp_path).broken is None


def test_the_user_is_that_of_the_system_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 1)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody else")
    write(tmp_path, 1)
    first, second = read_log(tmp_path)
    assert first["by"] == second["by"] != "somebody else"


def flipped(lines: list[bytes], place: int) -> list[bytes]:
    changed = lines[place].replace(b'"done"', b'"gone"')
    return [*lines[:place], changed, *lines[place + 1 :]]


def removed(lines: list[bytes], place: int) -> list[bytes]:
    return [*lines[:place], *lines[place + 1 :]]


def swapped(lines: list[bytes], place: int) -> list[bytes]:
    return [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]


def written_anew(lines: list[bytes], place: int) -> list[bytes]:
    """Return the lines with one that is whole in itself, but not the one that was written."""
    from echomort.core.audit import _digest

    record = {name: value for name, value in json.loads(lines[place]).items() if name != "digest"} | {"by": "another"}
    line = json.dumps(record | {"digest": _digest(record)}, sort_keys=True).encode() + b"\n"
    return [*lines[:place], line, *lines[place + 1 :]]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [(flipped, (1, 3, 6)), (removed, (1, 3, None)), (swapped, (1, 3, None)), (written_anew, (2, 4, None))],
)
def test_the_first_line_that_does_not_hold_is_named(
    tmp_path: Path, spoil: Callable[[list[bytes], int], list[bytes]], named: tuple[int | None, ...]
) -> None:
    lines = write(tmp_path, 6)
    for place, first in zip((0, 2, 5), named, strict=True):
        if first is not None:
            (tmp_path / LOG).write_bytes(b"".join(spoil(lines, place)))
            assert check_chain(tmp_path).broken == first


@given(st.integers(min_value=1))
def test_a_line_that_a_kill_cut_off_is_told_and_the_log_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    home = tmp_path_factory.mktemp("home")
    lines = write(home, 3)
    kept = len(lines[2]) - 1 - cut % (len(lines[2]) - 2)
    os.truncate(home / LOG, len(b"".join(lines[:2])) + kept)
    whole = kept == len(lines[2]) - 1  # the end of the line alone is missing
    assert check_chain(home).torn == (() if whole else (3,)) and check_chain(home).broken is None
    write(home, 2)
    after = check_chain(home)
    assert (after.lines, after.broken, after.torn) == (5, None, () if whole else (3,))
    assert len(read_log(home)) == (5 if whole else 4)
    content = (home / LOG).read_bytes().splitlines(keepends=True)
    content[2] = b"{}\n"  # what was left of a line is held too
    (home / LOG).write_bytes(b"".join(content))
    assert check_chain(home).broken in (3, 4)


def test_more_objects_than_a_line_takes_are_counted_and_held_by_their_digest(tmp_path: Path) -> None:
    everybody = [f"patient {number:032x}" for number in range(MOST_OBJECTS + 5)]
    append(tmp_path, "labels", "done", Audited(everybody))
    append(tmp_path, "labels", "done", Audited(everybody[::-1]))
    first, second = read_log(tmp_path)
    assert first["objects"] == everybody[:MOST_OBJECTS] and first["all_objects"]["count"] == MOST_OBJECTS + 5
    assert first["all_objects"]["digest"] != second["all_objects"]["digest"]
    assert check_chain(tmp_path).broken is None


def test_writers_at_the_same_time_make_one_chain(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write, args=(tmp_path, 25)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    chain = check_chain(tmp_path)
    assert (chain.lines, chain.broken, chain.torn) == (100, None, ())


def test_writers_that_are_killed_break_no_chain(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    for number in range(10):
        writer = fork.Process(target=write, args=(tmp_path, 10_000))
        writer.start()
        time.sleep(0.01 + 0.013 * number)
        writer.kill()
        writer.join()
    write(tmp_path, 1)
    assert check_chain(tmp_path).broken is None and check_chain(tmp_path).lines > 10


def test_a_log_that_can_not_be_written_stops_the_command_before_it_hands_out_anything(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with pytest.raises((UserError, OSError)), audited(tmp_path, "labels"):
        pytest.fail("the command went on")


def test_a_home_without_a_log_has_a_whole_chain_of_no_lines(tmp_path: Path) -> None:
    assert (check_chain(tmp_path).lines, check_chain(tmp_path).broken) == (0, None)

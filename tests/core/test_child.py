"""An error of a child process is the same error in its parent."""

from pathlib import Path

import pytest

from echomort.core.child import as_record, leave_error, left_error, raise_record
from echomort.core.errors import HomeError, Interruption, UserError


class Special(UserError):
    """A kind that parents do not know."""


@pytest.mark.parametrize(
    ("kind", "known"),
    [(UserError, UserError), (Interruption, Interruption), (HomeError, HomeError), (Special, UserError)],
)
def test_the_kind_and_the_words_of_an_error_arrive(tmp_path: Path, kind: type[UserError], known: type) -> None:
    with pytest.raises(UserError, match="the disk is full: free some space") as raised:
        raise_record(as_record(kind("the disk is full", "free some space")))
    assert type(raised.value) is known
    leave_error(raised.value, tmp_path / "error.json")
    assert type(left_error(tmp_path / "error.json")) is known
    assert left_error(tmp_path / "none.json") is None
    raise_record({"done": True})

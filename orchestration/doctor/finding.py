"""One line of `echomort doctor`."""

from dataclasses import dataclass
from typing import Any, Literal

from echomort.core.errors import UserError

State = Literal["ok", "warns", "fails"]


UNERASED = "the last erasure has not ended: traces of the patient may be left"
"""What is said of a project whose last erasure was killed or failed."""
ERASE_AGAIN = "carry out `echomort erase` of the patient again"


@dataclass(frozen=True)
class Finding:
    """What was found of one item: in which state it is, in words, and what to do (empty where nothing is to do)."""

    item: str
    state: State
    what: str
    remedy: str = ""

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them."""
        return dict(vars(self))


def ok(item: str, what: str) -> Finding:
    """Return that there is nothing to do."""
    return Finding(item, "ok", what)


def warns(item: str, what: str, remedy: str) -> Finding:
    """Return what works now and may not for ever."""
    return Finding(item, "warns", what, remedy)


def fails(item: str, what: str, remedy: str) -> Finding:
    """Return what a run would fail at, or what is open to others."""
    return Finding(item, "fails", what, remedy)


def failed_with(item: str, error: UserError) -> Finding:
    """Return that ``item`` fails with ``error``."""
    return fails(item, error.problem, error.remedy)

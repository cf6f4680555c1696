"""Patience with servers: try again after a while that doubles, then say so in one line."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from echomort.core.errors import UserError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """How often to try, and how long to wait before the second attempt; each later wait is twice the one before."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int) -> None:
        """Wait after that many failures, a little more or less each time, so that clients do not come back as one."""
        self.sleep(min(self.longest_wait, self.first_wait * 2 ** (failures - 1)) * random.uniform(0.75, 1.25))


def patiently(
    action: Callable[[], Result], is_passing: Callable[[Exception], bool], giving_up: UserError, patience: Patience
) -> Result:
    """Return what ``action`` returns, trying again while it fails in a way that may pass.

    Raises :class:`UserError` after the last attempt, saying what ``giving_up`` says and the kind of the last failure
    (never its words, which may quote a name); a failure that will not pass is raised as it is, at once.
    """
    kind = ""
    for attempt in range(1, patience.attempts + 1):
        try:
            return action()
        except Exception as error:
            if not is_passing(error):
                raise
            kind = type(error).__name__
        if attempt < patience.attempts:
            patience.wait(attempt)
    raise UserError(f"{giving_up.problem} ({kind})", giving_up.remedy)

"""Trying a server again, after waits that double, before giving up with one line."""

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
    """How often to try, and how many seconds to wait before the second attempt; each later wait is twice as long."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int) -> None:
        """Wait after that many failures, a quarter more or less at random: clients must not return all at once."""
        self.sleep(min(self.longest_wait, self.first_wait * 2 ** (failures - 1)) * random.uniform(0.75, 1.25))


def patiently(
    action: Callable[[], Result], is_passing: Callable[[Exception], bool], giving_up: UserError, patience: Patience
) -> Result:
    """Return what ``action`` returns, trying again while ``is_passing`` says that the failure may be a passing one.

    Raises, after the last attempt, :class:`UserError` with the words of ``giving_up`` and the class of the last failure
    (never its message, which may quote a name); any other failure is raised at once, unchanged.
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

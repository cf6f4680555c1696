"""The error whose message is for the person at the command line."""

import re


class UserError(Exception):
    """What went wrong, where, and what to do about it, in one line and without identifiers.

    The command line prints the message alone (no traceback) and exits with status 2.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}: {remedy}")

    @classmethod
    def from_text(cls, text: str) -> "UserError":
        """Return the error, of whichever kind, that was printed as ``text``, by itself or at the end of a traceback.

        >>> print(UserError.from_text("echomort.core.errors.HomeError: a clip is damaged: delete it"))
        a clip is damaged: delete it
        """
        problem, _, remedy = re.sub(rf"^{re.escape(__name__)}\.\w+: ", "", text.strip()).partition(": ")
        return cls(problem, remedy)


class Interruption(UserError):
    """An error that another try with the same input may not meet, such as a process that was killed for memory."""


class HomeError(UserError):
    """An error of the project's home that other work would meet too: a full disk, a damaged file of clips."""


class DiskError(HomeError):
    """A disk that can't be read or written as it is now (full, failing, no permission): nothing is known to be
    damaged."""


LONGEST_MESSAGE = 300
"""Characters of another library's message that are shown. Our choice: a few lines of a terminal."""


def in_one_line(error: BaseException) -> str:
    """Return the kind and the message of ``error`` in one line.

    >>> in_one_line(RuntimeError("no licence:\\n  ask the vendor"))
    'RuntimeError: no licence: ask the vendor'
    """
    message = " ".join(str(error).split())
    shown = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}..."
    return f"{type(error).__name__}: {shown}".removesuffix(": ")

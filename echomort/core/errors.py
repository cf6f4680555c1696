"""The one error that a person is meant to read."""


class UserError(Exception):
    """What went wrong, where, and what to do about it, in one line and without identifiers.

    The command line prints the message alone (no traceback) and exits with status 2.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}: {remedy}")

"""Our messages for PostgreSQL's errors. They quote neither the server nor the connection string."""

from echomort.core.errors import UserError

CONNECTION_PROBLEMS = {
    "could not translate host name": "can't be reached: its host name is not known here",
    "Connection refused": "can't be reached: no server listens at that host and port",
    "No such file or directory": "can't be reached: no server listens at that socket",
    "timeout expired": "can't be reached in time",
    "password authentication failed": "refuses the role or its password",
    "no password supplied": "asks for a password, and the connection string has none",
    "no pg_hba.conf entry": "does not let this role in from this machine (pg_hba.conf)",
    "does not exist": "can't be opened: no such role or database",
    "too many clients": "has no connection to spare",
    "starting up": "is starting up",
    "certificate": "can't be opened: server and connection string do not agree about TLS (sslmode, certificates)",
    "SSL": "can't be opened: server and connection string do not agree about TLS (sslmode, certificates)",
    "connection info string": "can't be opened: the connection string can't be read",
    "connection option": "can't be opened: the connection string names an option that there is not",
    "URI": "can't be opened: the connection string can't be read",
}
"""Part of libpq's message about a failed connection -> our message."""

SQLSTATE_PROBLEMS = {
    "42501": (
        "no permission to read it",
        "GRANT SELECT on it to the role; if a row-security policy hides rows: BYPASSRLS, or a view of the rows to read",
    ),
    "22021": (
        "it holds text that is not valid in the database's encoding",
        "correct the text, or read the table through a view that converts it (convert_from)",
    ),
    "22P05": ("it holds text that has no equivalent in UTF-8", "read the table through a view that converts it"),
    "22023": ("a setting was refused", "set sources.postgresql.time_zone to a name such as Europe/Berlin"),
    "40001": ("the server cancelled this snapshot", "run again, or read from the primary server"),
    "42P01": ("it no longer exists", "run again"),
    "57014": ("the server cancelled it", "run again; raise the role's statement_timeout if that was the reason"),
    "57P01": ("the server was shut down", "run again when it is back"),
    "53100": ("the server's disk is full", "tell its administrator"),
    "08006": ("the connection was lost", "run again; the server's log may give the reason"),
}
"""SQLSTATE (PostgreSQL manual, appendix A) -> our message and the remedy."""

MESSAGE_SQLSTATES = {
    "invalid byte sequence": "22021",
    "has no equivalent in encoding": "22P05",
    "conflict with recovery": "40001",
    "canceling statement": "57014",
    "terminating connection": "57P01",
    "permission denied": "42501",
    "server closed the connection": "08006",
    "no connection to the server": "08006",
}
"""Part of a server's message -> its SQLSTATE, for errors whose SQLSTATE the driver does not pass on."""


def connection_refused(message: str) -> UserError:
    """Return the error for a connection that failed with libpq's ``message``."""
    problem = next((ours for part, ours in CONNECTION_PROBLEMS.items() if part in message), "can't be opened")
    remedy = "try the connection string (ECHOMORT_POSTGRESQL or the file) with psql, which shows the server's message"
    return UserError(f"the PostgreSQL database {problem}", remedy)


def read_failed(what: str, message: str, state: str | None) -> UserError:
    """Return the error for reading ``what``, which failed with the server's ``message`` and SQLSTATE ``state``."""
    state = state or next((known for part, known in MESSAGE_SQLSTATES.items() if part in message), None)
    unknown = (f"it could not be read (error {state or 'unknown'})", "see the server's log")
    problem, remedy = SQLSTATE_PROBLEMS.get(state or "", unknown)
    return UserError(f"PostgreSQL, {what}: {problem}", remedy)

"""What PostgreSQL's failures mean, in words that quote neither its own nor the connection string."""

from echomort.core.errors import UserError

CONNECTING = {
    "could not translate host name": "can't be reached: its host name is not known here",
    "Connection refused": "can't be reached: nothing listens at that host and port",
    "No such file or directory": "can't be reached: nothing listens at that socket",
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
"""Words of libpq about a connection that failed, and ours."""

STATES = {
    "42501": (
        "no permission to read it",
        "GRANT SELECT on it to the role; where a row-security policy hides rows: BYPASSRLS, or a view of what is meant",
    ),
    "22021": (
        "it holds text that is not valid in the database's encoding",
        "mend the text, or read the table through a view that converts it (convert_from)",
    ),
    "22P05": ("it holds text that has no equivalent in UTF-8", "read the table through a view that converts it"),
    "22023": ("a setting was refused", "set sources.postgresql.time_zone to a name such as Europe/Berlin"),
    "40001": ("the server gave this snapshot up", "run again, or read from the primary server"),
    "42P01": ("it is gone", "run again"),
    "57014": ("the server cancelled it", "run again; raise the role's statement_timeout where that was the reason"),
    "57P01": ("the server was shut down", "run again when it is back"),
    "53100": ("the server's disk is full", "tell its administrator"),
    "08006": ("the connection was lost", "run again; the server's log may tell why"),
}
"""SQLSTATE (PostgreSQL manual, appendix A) -> what happened, and the remedy."""

WORDS = {
    "invalid byte sequence": "22021",
    "has no equivalent in encoding": "22P05",
    "conflict with recovery": "40001",
    "canceling statement": "57014",
    "terminating connection": "57P01",
    "permission denied": "42501",
    "server closed the connection": "08006",
    "no connection to the server": "08006",
}
"""Words of a server that broke off in the middle, when the driver does not pass its SQLSTATE on."""


def connection_refused(words: str) -> UserError:
    """Return the error about a connection that failed with libpq's ``words``."""
    problem = next((ours for theirs, ours in CONNECTING.items() if theirs in words), "can't be opened")
    remedy = "try the connection string (ECHOMORT_POSTGRESQL or the file) with psql, which shows the server's own words"
    return UserError(f"the PostgreSQL database {problem}", remedy)


def broken_off(what: str, words: str, state: str | None) -> UserError:
    """Return the error about reading ``what``, which the server ended with ``words`` and SQLSTATE ``state``."""
    state = state or next((ours for theirs, ours in WORDS.items() if theirs in words), None)
    unknown = (f"it could not be read (error {state or 'unknown'})", "the server's log says why")
    problem, remedy = STATES.get(state or "", unknown)
    return UserError(f"PostgreSQL, {what}: {problem}", remedy)

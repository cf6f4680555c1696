"""A real PostgreSQL to read from: in a temporary folder, on a socket in it, gone with the block that started it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INITDB = ("initdb", "--no-sync", "-A", "trust", "-U", "owner", "-E", "UTF8", "--locale=C")
QUICK = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=20")


def _programs() -> Path | None:
    """The folder of initdb and postgres: in PATH, or where Debian puts them."""
    named = shutil.which("initdb")
    folders = [Path(named).resolve().parent] if named else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def why_not() -> str | None:
    """Say why no server can be started here, or None."""
    try:
        import adbc_driver_postgresql  # noqa: F401
    except ImportError:
        return "needs the extra postgres (adbc-driver-postgresql)"
    if _programs() is None:
        return "needs PostgreSQL's initdb and postgres (Debian: postgresql)"
    return None if os.geteuid() or _account() else "needs an account to run PostgreSQL under, which refuses root"


def _account() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


@dataclass(frozen=True)
class Server:
    """A running server; ``folder`` holds its socket."""

    folder: Path

    def connection_string(self, database: str = "postgres", role: str = "owner", password: str = "") -> str:
        """Return how to reach ``database``, as libpq's keywords."""
        secret = f" password={password}" if password else ""
        return f"host={self.folder} dbname={database} user={role}{secret}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Carry out ``statements`` one by one, as the owner of everything."""
        from adbc_driver_postgresql import dbapi

        connection = dbapi.connect(self.connection_string(database), autocommit=True)
        with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def load(self, schema: str, tables: Mapping[str, Any], database: str = "postgres") -> None:
        """Make each of ``tables`` (name -> Arrow table) in ``schema``."""
        from adbc_driver_postgresql import dbapi

        connection = dbapi.connect(self.connection_string(database), autocommit=True)
        with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
            for name, table in tables.items():
                cursor.adbc_ingest(name, table, mode="create", db_schema_name=schema)


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """Run a server until the block ends; nothing outside this machine, and no port, reaches it."""
    programs, account = _programs(), None if os.geteuid() else _account()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="pg_", dir="/tmp"))
    identity: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        with (folder / "log").open("wb") as log:
            place: dict[str, Any] = {"cwd": folder, "stdout": log, "stderr": log, **identity}
            subprocess.run([programs / INITDB[0], *INITDB[1:], "-D", folder / "data"], check=True, **place)
            rules = "local all secretive scram-sha-256\nlocal all all trust\n"
            (folder / "data/pg_hba.conf").write_text(rules)
            running = subprocess.Popen([programs / "postgres", "-D", folder / "data", "-k", folder, *QUICK], **place)
            try:
                server = Server(folder)
                _wait_for(server, running)
                yield server
            finally:
                running.send_signal(signal.SIGINT)
                running.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(server: Server, running: subprocess.Popen[bytes]) -> None:
    from adbc_driver_postgresql import dbapi

    for _ in range(150):
        with contextlib.suppress(dbapi.Error):
            return server.execute("SELECT 1")
        if running.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{(server.folder / 'log').read_text(errors='replace')}")

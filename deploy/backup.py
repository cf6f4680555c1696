"""Back up a project, and restore it: what its inputs can't make again.

    python deploy/backup.py save HOME FILE [--with models --with clips --with index]
    python deploy/backup.py restore FILE HOME

A backup holds the registry (champion, candidates, decisions), the audit log, the warehouse with the ledger and the
risks kept for later, the vault, the settings and a reader study. It holds identifiers of patients: it is written with
mode 0600, and belongs where the archive may lie. The key is not in it: keep that in another place.
"""

import contextlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.audit import audited
from echomort.core.errors import UserError
from echomort.core.files import atomic_path
from warehouse.connection import connect, connect_plain

ALWAYS = (
    "registry",
    "audit.jsonl",
    "exclusion.json",
    "erasures",
    "warehouse.duckdb",
    "warehouse.duckdb.wal",
    "vault.duckdb",
    "vault.duckdb.wal",
)
"""What no run makes again: decisions, who scored what, who was erased, risks made before their outcome, the names
behind pseudonyms."""

SMALL = ("key_id", "echomort.yaml", "readers")
"""Which key it is, the settings, and a reader study with the model's frozen answers."""

MAY_BE_MADE_AGAIN = ("clips", "index", "models")
"""What a run makes anew from the archive, and takes long for."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="Back up a project, and restore it.")


@app.command()
def save(
    home: Path,
    file: Path,
    also: Annotated[list[str] | None, typer.Option("--with", help="Also: clips, index or models.")] = None,
) -> None:
    """Write the backup FILE of the project HOME, on which nothing may be running."""
    if unknown := set(also or ()) - set(MAY_BE_MADE_AGAIN):
        raise UserError(f"{', '.join(sorted(unknown))} can't be added", f"use {', '.join(MAY_BE_MADE_AGAIN)}")
    if not (home / "warehouse.duckdb").exists():
        raise UserError(f"there is no project at {home}", "name its folder")
    with audited(home, "backup"), _nothing_runs(home), _written(file):
        names = [name for name in (*ALWAYS, *SMALL, *(also or ())) if (home / name).exists()]
        with atomic_path(file, private=True) as temporary:
            # in a process of its own: closing a file here would free the lock that DuckDB holds on it
            subprocess.run(["tar", "--create", "--file", temporary, "--directory", home, *names], check=True)
    typer.echo(f"{file}: {', '.join(names)}")
    typer.echo("not in it: the key. Keep it in another place; without it nothing can be added to the project")


@app.command()
def restore(file: Path, home: Path) -> None:
    """Make the project HOME, which must not exist, from the backup FILE."""
    if not file.is_file():
        raise UserError(f"{file} does not exist", "name a backup")
    if home.exists():
        raise UserError(f"{home} exists", "move it away, or name another folder")
    with _written(home):
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp_", dir=home.parent) as folder:
            _extract(file, Path(folder) / "home")
            (Path(folder) / "home").rename(home)
    typer.echo(f"restored {home}: put the key back, then `echomort verify --repair` and `echomort run`")


def _extract(file: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(file) as backup:
            backup.extractall(folder, filter="data")
    except tarfile.TarError:
        raise UserError(f"{file} is no backup, or is damaged", "take another one") from None
    if not (folder / "warehouse.duckdb").exists():
        raise UserError(f"{file} holds no project", "take another one")


@contextlib.contextmanager
def _written(target: Path) -> Iterator[None]:
    """Raise :class:`UserError` where ``target`` can't be written in the block; nothing of it is left then."""
    try:
        yield
    except subprocess.CalledProcessError:  # tar has said why
        raise UserError(f"{target} can't be written", "free some space, or name another place") from None
    except OSError as error:
        raise UserError(f"{target} can't be written ({error.strerror})", "name another place") from None


@contextlib.contextmanager
def _nothing_runs(home: Path) -> Iterator[None]:
    """Keep every writer from the project while the block runs. Raises :class:`UserError` if there is one."""
    from orchestration.runs import nothing_runs  # loads the graph

    with nothing_runs(home), contextlib.ExitStack() as held_open:
        held_open.enter_context(connect(home / "warehouse.duckdb", read_only=True))
        if (home / "vault.duckdb").exists():
            held_open.enter_context(connect_plain(home / "vault.duckdb"))
        yield


def main() -> None:
    """Carry out the command; an error for a person is one line, with exit status 2."""
    if not shutil.which("tar"):
        sys.exit("backup: there is no tar here: install it")
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"backup: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()

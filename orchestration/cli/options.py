"""Shared by the commands: options, the console, a progress bar."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from echomort.core.errors import UserError

out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

Home = Annotated[
    Path, typer.Option(envvar="ECHOMORT_HOME", help="The project's folder; all results are written there.")
]

ExportHome = Annotated[
    Path, typer.Option(envvar="ECHOMORT_HOME", help="The project's folder: the one that export was called with.")
]

Config = Annotated[Path | None, typer.Option(envvar="ECHOMORT_CONFIG", help="Settings (YAML); stored in the home.")]

Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one setting; may be repeated.")]

Adapter = Annotated[str | None, typer.Option(help="How the records are laid out: canonical, omop, ..., or a folder.")]

SettingsHome = Annotated[
    Path | None, typer.Option("--home", help="Use this project's settings (default: those of preset standard).")
]

SettingsFile = Annotated[Path | None, typer.Option("--config", help="Use these settings (YAML).")]

LoopPaths = Annotated[list[Path], typer.Argument(help="Echo files, folders, or clips saved by inspect (.npy).")]

View = Annotated[str | None, typer.Option(help="The view of files without a view tag.")]

FetchedFolder = Annotated[Path, typer.Option(help="Folder to write to: set sources.dicom to it.")]

Title = Annotated[str, typer.Option(help="Our application entity title.", show_default=True)]

Senders = Annotated[list[str] | None, typer.Option(help="An AE title that may send; may be repeated.")]

TlsAuthority = Annotated[
    Path | None,
    typer.Option("--tls-ca", help="Speak TLS alone: whose certificates we take (PEM)."),
]

TlsCertificate = Annotated[Path | None, typer.Option("--tls-cert", help="Our certificate for TLS (PEM).")]

TlsKey = Annotated[Path | None, typer.Option("--tls-key", help="The key of our certificate (PEM, no password).")]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def require_paths(paths: list[Path]) -> None:
    """Raise :class:`UserError` if one of ``paths`` does not exist."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist", "name an existing file or folder")


def print_records(
    records: Iterable[dict[str, Any]], to_lines: Callable[[Iterable[dict[str, Any]]], Iterable[str]], as_json: bool
) -> None:
    """Print ``records`` as JSON, one object per line, or as the lines of ``to_lines``."""
    for line in map(json.dumps, records) if as_json else to_lines(records):
        out.print(line)


class progress_bar:
    """A progress callback: shows a bar on a terminal, and nothing elsewhere."""

    def __init__(self, unit: str) -> None:
        from rich.progress import Progress

        self.bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self.task = self.bar.add_task(unit, total=None)

    def __enter__(self) -> "progress_bar":
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, total: int) -> None:
        self.bar.update(self.task, completed=done, total=total)

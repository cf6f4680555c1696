"""``echomort adapter``: the SQL that turns a hospital's own layout of its records into the canonical one."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echomort.core.errors import UserError
from echomort.settings import Settings
from orchestration.cli.options import Set, SettingsFile, out
from orchestration.cli.records import records_settings

if TYPE_CHECKING:
    from warehouse.adapters.extract import ExtractLocation

Folder = Annotated[Path, typer.Argument(help="The adapter's folder.")]
Records = Annotated[Path | None, typer.Option("--ehr", help="Folder of the health records (default: the settings').")]


def new(folder: Folder, ehr: Records = None, config: SettingsFile = None, assignments: Set = None) -> None:
    """Begin an adapter: look at the columns of the records, and write SQL that names those that it recognises."""
    from warehouse.adapters.scaffold import look, write_adapter

    settings = records_settings(ehr, None, None, config, assignments or [])
    tables = look(_location(settings))
    taken = write_adapter(folder, tables)
    for table, columns in tables.items():
        out.print(f"{table}: " + ", ".join(f"{name} ({forms.name})" for name, forms in columns.items()))
    for table, raw in taken.items():
        out.print(f"{table}.sql: " + (f"from {raw}" if raw else "no table was recognised; it yields no rows yet"))
    if unread := sorted(tables.keys() - taken.values()):
        out.print(f"read by no file yet: {', '.join(unread)}; a table of the same kind joins a SELECT with UNION ALL")
    options = [*(["--ehr", str(ehr)] if ehr else []), *(["--config", str(config)] if config else [])]
    options += [word for assignment in assignments or [] for word in ("--set", assignment)]
    again = shlex.join(["echomort", "adapter", "check", str(folder), *options])
    out.print(f"next: check every line of the files in {folder}, then `{again}`")


def check(folder: Folder, ehr: Records = None, config: SettingsFile = None, assignments: Set = None) -> None:
    """Show all that is wrong with an adapter and the records that it reads; if nothing is, what a run makes of them.

    The exit status is 1 if something is wrong, or a run would stop at the records.
    """
    from warehouse.adapters.checking import check_adapter

    settings = records_settings(ehr, str(folder), None, config, assignments or [])
    findings = check_adapter(_location(settings), settings.sources.adapter)
    for problem in findings.problems:
        out.print(f"PROBLEM: {problem}")
    out.print(", ".join(f"{table} {rows} rows" for table, rows in findings.rows.items()))
    if findings.problems:
        raise typer.Exit(1)
    out.print("nothing is wrong with the SQL, the files and the forms of times and numbers; of the rows:\n")
    from assets.records import workbench
    from orchestration.printing.records import record_lines

    with workbench.read_records(settings, []) as found:
        account = workbench.account(found)
    for line in record_lines(account):
        out.print(line)
    if account.would_stop:
        raise typer.Exit(1)


def _location(settings: Settings) -> "ExtractLocation":
    """Return the folder of the records; a database has no files whose columns could be looked at."""
    if settings.ehr_root is None:
        raise UserError("the records are in a database", "name a folder with --ehr")
    if not settings.ehr_root.is_dir():
        raise UserError(f"{settings.ehr_root} is no folder", "name the folder that holds the records")
    from warehouse.adapters.extract import ExtractLocation

    return replace(ExtractLocation.of(settings), database=None)

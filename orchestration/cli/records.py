"""``echomort records``: what the health records become, without echo files and without a key."""

import json
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from echomort.settings import CONFIG_NAME, Settings, gather, parse_flags, validate
from orchestration.cli.options import Adapter, AsJson, Set, SettingsFile, SettingsHome, out
from orchestration.cli.projects import no_project


def records(  # noqa: PLR0913, PLR0917
    ehr: Annotated[
        Path | None,
        typer.Argument(
            help="The folder of the records: CSV, Parquet ... or one DuckDB file (default: those of the project)."
        ),
    ] = None,
    adapter: Adapter = None,
    home: SettingsHome = None,
    config: SettingsFile = None,
    assignments: Set = None,
    labels: Annotated[
        Path | None, typer.Option(help="Write a row for every study, with the site's own study ids (CSV, mode 0600).")
    ] = None,
    variables: Annotated[
        str | None, typer.Option(help="Variables that --labels writes too, with commas, such as age,lvef.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option(help="Write the words on no list as the source has them (CSV, mode 0600).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run would make of the health records: needs no echo files and no key, and writes nothing unasked.

    The exit status is 1 if a run would stop at them.
    """
    settings = records_settings(ehr, adapter, home, config, assignments or [])
    named = [name.strip() for name in (variables or "").split(",") if name.strip()]
    if named and labels is None:
        raise UserError("--variables has no meaning without --labels", "name a file with --labels, or leave it out")
    _require_usable(settings, labels, words)
    from assets.records import workbench
    from orchestration.printing.records import record_lines
    from orchestration.printing.tables import write_private_csv

    with workbench.read_records(settings, named) as found:
        if labels is not None:
            write_private_csv(labels, workbench.labels(found, named))
        if words is not None:
            write_private_csv(words, workbench.words(found))
        account = workbench.account(found)
    for line in [json.dumps(account.as_record())] if as_json else record_lines(account):
        out.print(line)
    for path in filter(None, (labels, words)):
        if not as_json:
            out.print(f"written: {path}")
    if account.would_stop:
        raise typer.Exit(1)


def records_settings(
    ehr: Path | None, adapter: str | None, home: Path | None, config: Path | None, assignments: list[str]
) -> Settings:
    """Return the settings of the project or file, with what this call names on top."""
    own = None if home is None else home / CONFIG_NAME
    if own is not None and not own.exists():
        raise no_project(own.parent, "run `echomort run` first, or leave --home out")
    flags = parse_flags(assignments)
    if adapter is not None:
        flags["sources.adapter"] = adapter
    if ehr is not None:
        flags |= {"sources.ehr": str(ehr.absolute()), "sources.synthetic": None}
    tree = gather(config or own, flags)
    sources = tree.setdefault("sources", {})
    if "home" in tree:
        raise UserError("home is not a setting", "remove it, and name the project's folder with --home")
    if sources.get("ehr") is None and sources.get("postgresql") is None and own is None:
        raise UserError(
            "no health records are named",
            "name their folder (`records EHR`; --ehr in other commands), settings by --config, or a project by --home",
        )
    if sources.get("ehr") is not None or sources.get("postgresql") is not None:
        tree.setdefault("preset", "standard")
        sources.setdefault("synthetic", None)
    return validate(tree | {"home": str((home or Path()).absolute())})


def _require_usable(settings: Settings, *files: Path | None) -> None:
    """Raise :class:`UserError` for records that are not there, and for a file that can't be written or would become a
    part of the records."""
    root = settings.ehr_root
    if root is not None and not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise UserError(f"{root} {what}", "name the folder that holds the records")
    named = [file.absolute() for file in files if file is not None]
    if len(set(named)) < len(named):
        raise UserError("--labels and --words name the same file", "name two")
    for file in named:
        if file.is_dir() or not file.parent.is_dir():
            what = "is a folder" if file.is_dir() else "is in a folder that does not exist"
            raise UserError(f"{file} {what}", "name a file in an existing folder")
        if root is not None and file.resolve().is_relative_to(root.resolve()):
            raise UserError(f"{file} would become a part of the records", "name a file in another folder")

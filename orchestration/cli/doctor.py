"""``echomort doctor``: whether the project can go on, and what to do where it can't."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from echomort.settings import CONFIG_NAME
from orchestration.cli.options import AsJson, Home, print_records
from orchestration.cli.projects import folder_of, no_project


def doctor(home: Home = Path("demo"), as_json: AsJson = False) -> None:
    """Examine the project, an item a line: ok, warns or fails, and what to do. Exit status 1 if anything fails.

    Nothing is made or changed. What is damaged inside the files of results, `echomort verify` finds.
    """
    home = folder_of(home)
    if not (home / CONFIG_NAME).exists():
        raise no_project(home)
    from orchestration.doctor import examine

    found = list(examine(home))
    print_records((finding.as_record() for finding in found), _lines, as_json)
    if any(finding.state == "fails" for finding in found):
        raise typer.Exit(1)


def _lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        remedy = f"; {record['remedy']}" if record["remedy"] else ""
        yield f"{record['state']:<5}  {record['item']:<14}  {record['what']}{remedy}"

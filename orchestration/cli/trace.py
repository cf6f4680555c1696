"""``echomort trace``: which files made a figure, and which figures a file made."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echomort.core.audit import audited
from echomort.core.errors import UserError
from echomort.core.files import write_text
from orchestration.cli.options import Home, out
from orchestration.cli.projects import existing_home

if TYPE_CHECKING:
    from assets.project import Project
    from assets.trace import Trace
    from orchestration.printing.trace import Names


def trace(
    name: Annotated[
        str,
        typer.Argument(
            metavar="METRIC|MODEL|STUDY|FILE",
            help="A figure, MODEL/METRIC (with EVALUATION/ before and /SUBSET after it where needed); a model; a study "
            "or file by eight or more characters of its pseudonym; or the path of a file of the archive, the records "
            "or the home.",
        ),
    ],
    home: Home = Path("demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as one JSON object.")] = False,
    save: Annotated[Path | None, typer.Option(help="Draw the way through the assets into this file (SVG).")] = None,
    identifiers: Annotated[
        bool,
        typer.Option("--identifiers", help="Show the site's own numbers and paths too. The audit log notes it."),
    ] = False,
) -> None:
    """Show what a figure, model or study was made from, down to files, code and settings; and what a file went into."""
    home = existing_home(home)
    from assets.project import Project
    from assets.trace import trace as follow
    from orchestration.printing.trace import trace_lines, trace_svg

    if save is not None and save.suffix != ".svg":
        raise UserError(f"{save} is no name of an SVG file", "name one that ends in .svg")
    project = Project(home=str(home))
    found = follow(project, name)
    with _names(project, found, identifiers) as names:
        if as_json:
            out.print(json.dumps(found.as_record() | ({"identifiers": names} if identifiers else {}), default=str))
        else:
            for line in trace_lines(found, names):
                out.print(line)
    if save is not None:
        write_text(save, trace_svg(found))
        if not as_json:
            out.print(f"drawn: {save}")


@contextlib.contextmanager
def _names(project: "Project", found: "Trace", are_asked: bool) -> "Iterator[Names]":
    """Yield the identifiers of what was found if they ``are_asked`` for; the audit log has a line before and after."""
    from assets.trace import identifiers_of

    if not are_asked:
        yield {}
        return

    with audited(project.root, "trace --identifiers") as noted:
        noted.add((f"patient {key}" for key in found.patients), patients=len(found.patients))
        noted.add((f"study {row['study_key']}" for row in found.studies), studies=len(found.studies))
        noted.add([], files=len(found.files))
        yield identifiers_of(project, found)

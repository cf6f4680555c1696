"""``echomort erase``: a patient is removed from the project, and a certificate says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echomort.core.audit import audited
from orchestration.cli.options import Home, out, progress_bar
from orchestration.cli.projects import existing_home

if TYPE_CHECKING:
    from assets.erasure import Plan


def erase(
    patient: Annotated[
        str, typer.Argument(metavar="PATIENT_ID", help="A record number of the patient, or the pseudonym.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    home: Home = Path("demo"),
) -> None:
    """Remove every trace of a patient from the project, prove it by a search of every byte, and write a certificate."""
    home = existing_home(home)
    from assets.erasure import certificate_digest, plan_erasure
    from assets.erasure import erase as carry_out
    from assets.project import Project
    from orchestration.runs import nothing_runs

    project = Project(home=str(home))
    with nothing_runs(home):
        with progress_bar("files searched") as progress:
            plan = plan_erasure(project, patient, progress)
        if dry_run:
            out.print("an erasure would remove:")
            for line in (*_lines(plan), "nothing was removed: leave --dry-run out to erase"):
                out.print(line)
            return
        with audited(home, "erase") as noted, progress_bar("files searched") as progress:
            file = carry_out(project, plan, progress)
            noted.add([f"certificate {certificate_digest(file)}"], patients=1)
    out.print("removed:")
    for line in _lines(plan):
        out.print(line)
    out.print(f"erased; every byte was searched: {file}")
    out.print("run `echomort run`: it makes the rest anew without the patient, and trains what learnt from the patient")


def _lines(plan: "Plan") -> Iterator[str]:
    """Yield what is removed, and what is left to a person, a line each."""
    for what, count in plan.counts.items():
        if count:
            yield f"{what}: {count}"
    if plan.subject.files:
        files = len(plan.subject.files)
        yield f"not ours: {files} files in the archive, and the rows of the extract; later runs leave them out"
    if not plan.subject.is_archive_read:
        yield "the archive can't be read: names in the headers of its files were not searched for"
    for at in plan.backups:
        yield f"not reached: the backup of {at}; delete it, or erase again after it was restored"

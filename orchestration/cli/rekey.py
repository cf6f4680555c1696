"""``echomort rekey``: a new home with another key, for a site whose key may be known to others."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.audit import audited
from orchestration.cli.options import Home, out, progress_bar
from orchestration.cli.projects import existing_home, folder_of


def rekey(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of the new project; must not exist yet.")],
    key: Annotated[Path, typer.Option(help="File of the new key (mode 0600).")],
    home: Home = Path("demo"),
) -> None:
    """Begin a new project with another key: the same settings, and whoever was erased from this one stays left out.

    This project is left as it is. The new one makes everything else from archive and records when it is run.
    """
    home = existing_home(home)
    from assets.project import Project
    from assets.rekey import rekey as carry_out
    from echomort.core.keys import read_keyring
    from orchestration.runs import nothing_runs

    new, keyring = folder_of(new), read_keyring(key, "--key")
    with nothing_runs(home), audited(home, "rekey") as noted, progress_bar("files read") as progress:
        rekeyed = carry_out(Project(home=str(home)), keyring, key, new, progress)
        noted.add([f"key {keyring.key_id}"], erased=len(rekeyed.exclusion.erased), missing=rekeyed.missing)
    out.print(
        f"begun: {new}, key id {keyring.key_id}; left out as before: {len(rekeyed.exclusion.erased)} erased patients"
    )
    if rekeyed.missing:
        out.print(
            f"{rekeyed.missing} record and study numbers of erased patients are in neither the archive nor the "
            "records: erase them again should they come back"
        )
    if rekeyed.kept_risks:
        out.print(f"{rekeyed.kept_risks} kept risks stay in {home}: they go with it (docs/privacy.md)")
    out.print(f"next: {shlex.join(['echomort', 'run', '--home', str(new)])}; then delete {home} (docs/privacy.md)")

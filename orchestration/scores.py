"""The work of `echomort scores`: the champion's risks of a project's studies, as a table."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from assets.prediction.risk_scores import RISK_SCORES
from assets.project import Project
from assets.status import UP_TO_DATE, asset_states
from echomort.core.audit import Audited
from echomort.core.errors import UserError
from echomort.settings import Settings
from orchestration.printing.tables import write_private_csv
from warehouse import vault
from warehouse.queries import run


def write_scores(settings: Settings, target: Path, identifiers: bool, noted: Audited) -> Iterator[str]:
    """Write table ``risk_score`` as CSV (mode 0600) to ``target``; yield what a person should know of it, line by line.

    With ``identifiers`` columns ``study_id`` and ``patient_id`` come first, from the vault. ``noted`` gets the studies.
    Raises :class:`UserError` where there are no risks, or the vault lacks one of the numbers.
    """
    project = Project(home=str(settings.home))
    with project.reader() as connection:
        rows = run(connection, "reads/risk/risk_rows.sql").df()
        beyond = dict(run(connection, "reads/risk/risk_beyond.sql").fetchall())
    if rows.empty:
        problem = "this project has no risks: there is no champion, or models learnt from every study"
        raise UserError(problem, "`echomort status` says which; new studies are scored by `echomort run`")
    if identifiers:
        rows = _under_own_numbers(project, rows)
    noted.add((f"study {key}" for key in rows["study_key"]), studies=len(rows))
    write_private_csv(target, rows)
    (state,) = (row for row in asset_states(project) if row["asset"] == RISK_SCORES.name)
    if state["state"] != UP_TO_DATE:
        yield f"WARNING: these risks are {state['state']}: {state['why']}; run `echomort run`"
    patients, champion = rows["patient_key"].nunique(), rows["champion"].iloc[0]
    yield f"written: {target}: {len(rows)} studies of {patients} patients, by champion {champion}"
    if beyond:
        by_what = ", ".join(f"{name} {count}" for name, count in beyond.items() if name)
        withheld = f"; {rows['risk'].isna().sum()} risks are withheld" if rows["risk"].isna().any() else ""
        yield f"beyond what the development cohort holds: {beyond['']} studies, by {by_what}{withheld}"


def _under_own_numbers(project: Project, rows: pd.DataFrame) -> pd.DataFrame:
    """Return ``rows`` with the site's numbers of studies and patients first."""
    named = {
        f"{domain}_id": rows[f"{domain}_key"].map(vault.recall(project.vault, domain, rows[f"{domain}_key"]))
        for domain in ("study", "patient")
    }
    if any(column.isna().any() for column in named.values()):
        problem = "the vault lacks numbers of these studies"
        raise UserError(problem, "run `echomort verify --repair`, which fills it again")
    return pd.concat([pd.DataFrame(named), rows], axis=1)

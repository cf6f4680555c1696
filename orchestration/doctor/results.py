"""What the project holds, and what the next run needs."""

import shutil
from collections.abc import Iterator

import duckdb

from assets import status
from assets.disk import bytes_of_next_run
from assets.project import Project
from assets.verify import kept_risk_damage, registry_damage, vault_damage
from echomort.champion.store import champion_name
from echomort.core.errors import UserError
from orchestration.doctor.finding import Finding, failed_with, fails, ok, warns
from warehouse.tables.risk_score.seals import check_seals

GIB = 2**30
LOCKED = "another process holds"
"""How the error begins of a file that a run has open: it is at work, and nothing is broken."""
REPAIR = "run `echomort verify --repair`, then `echomort run`"


def results(project: Project) -> Iterator[Finding]:
    """Yield whether the warehouse opens, and whether what it lists is whole, up to date and of these libraries."""
    if not project.settings.warehouse.exists():
        yield warns("warehouse", "not made yet", "run `echomort run`")
        return
    try:
        with project.reader() as connection:
            yield ok("warehouse", "it opens, and this release knows its tables")
            yield _kept_risks(connection)
            yield _assets(project)
            yield from _libraries(project)
            yield from _whole(project)
            yield _disk(project)
    except UserError as error:
        is_locked = error.problem.startswith(LOCKED)
        yield Finding("warehouse", "warns" if is_locked else "fails", error.problem, error.remedy)


def _kept_risks(connection: duckdb.DuckDBPyConnection) -> Finding:
    """Return whether the risks that were kept before outcomes were known are as they were sealed."""
    for damage in kept_risk_damage(connection):
        return fails("kept risks", damage.what, damage.remedy)
    seals = check_seals(connection)
    words = f"{seals.sealed} as they were sealed; the last seal is {seals.last[:16]}" if seals.sealed else "none yet"
    return ok("kept risks", f"{words}; {seals.unsealed} to seal" if seals.unsealed else words)


def _assets(project: Project) -> Finding:
    rows = [row for row in status.asset_states(project) if row["kept"]]
    waiting = [row["asset"] for row in rows if row["state"] != status.UP_TO_DATE]
    if not waiting:
        return ok("assets", f"all {len(rows)} that runs keep are up to date")
    words = f"{len(waiting)} of {len(rows)} are not up to date: {status.listed(waiting)}"
    return warns("assets", words, "run `echomort run`; `echomort status` says why")


def _libraries(project: Project) -> Iterator[Finding]:
    """Yield the libraries that are not those that made the results."""
    changes = status.changed_libraries(project)
    for change, assets in changes.items():
        remedy = "install the former version, or run `echomort run`: it makes them anew"
        yield warns("versions", f"{change}: it is not the one that made {status.listed(assets)}", remedy)
    if not changes:
        yield ok("versions", "the libraries are those that made the results")


def _whole(project: Project) -> Iterator[Finding]:
    """Yield what of the registry and of the vault is missing or damaged."""
    registry = project.settings.registry
    damages = list(registry_damage(registry))
    for damage in damages:
        yield fails("champion", f"{damage.path}: {damage.what}", damage.remedy or REPAIR)
    if not damages:
        yield ok("champion", champion_name(registry) or "none yet")
    try:
        lost = list(vault_damage(project))
    except UserError as error:
        yield failed_with("vault", error)
        return
    for damage in lost:
        yield fails("vault", f"{damage.path}: {damage.what}", damage.remedy or REPAIR)
    if not lost:
        yield ok("vault", "it has the names of all folders and the numbers of all patients")


def _disk(project: Project) -> Finding:
    free = shutil.disk_usage(project.root).free
    try:
        needed = bytes_of_next_run(project)
    except UserError as error:
        return failed_with("disk", error)
    words = f"{free / GIB:.1f} GiB free; the next run needs at most {needed / GIB:.1f} GiB"
    if free < needed:
        return fails("disk", words, "free some space, or move the home to a larger disk")
    return ok("disk", words)

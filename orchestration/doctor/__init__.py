"""`echomort doctor`: whether a project can go on, item by item. Nothing is made or changed."""

from collections.abc import Iterator
from pathlib import Path

from assets.project import Project
from echomort.core.errors import UserError
from orchestration.doctor.finding import Finding, failed_with
from orchestration.doctor.home import audit_log, erasure, key, permissions, sources
from orchestration.doctor.instance import instance_findings
from orchestration.doctor.results import results

__all__ = ["Finding", "examine"]


def examine(home: Path) -> Iterator[Finding]:
    """Yield what is found of the project at ``home``, a line an item; what is broken stops no other item."""
    yield from permissions(home)
    yield audit_log(home)
    yield from erasure(home)
    project = Project(home=str(home))
    try:
        settings = project.settings
    except UserError as error:
        yield failed_with("settings", error)
    else:
        yield key(settings)
        yield from sources(settings)
        yield from results(project)
    yield from instance_findings(home)

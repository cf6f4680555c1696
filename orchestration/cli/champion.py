"""``echomort champion``: the model that predicts."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from echomort.core.audit import audited
from echomort.core.errors import UserError
from echomort.settings import REGISTRY
from orchestration.cli.options import AsJson, Home, out, print_records
from orchestration.cli.projects import existing_home, project_settings


def export(
    file: Annotated[Path, typer.Argument(help="The bundle: a new file, to be validated at another site.")],
    home: Home = Path("demo"),
) -> None:
    """Write the champion as one file that carries no patient."""
    home = existing_home(home)
    registry = home / REGISTRY
    from echomort.champion.bundle import write_bundle
    from echomort.champion.store import HOW_TO_GET_ONE, NO_CHAMPION, champion_name

    name = champion_name(registry)
    if name is None:
        raise UserError(NO_CHAMPION, HOW_TO_GET_ONE)
    with audited(home, "champion export") as noted:
        noted.add([f"candidate {name}"])
        write_bundle(registry, name, file)
    out.print(f"{file}: champion {name}; at the other site: `echomort validate {file.name}`")


def list_candidates(home: Home = Path("demo"), as_json: AsJson = False) -> None:
    """List the candidates, what became of each and why."""
    from echomort.champion.history import candidates

    print_records(candidates(existing_home(home) / REGISTRY), _lines, as_json)


def _lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        who = f" ({record['by']}, {record['on']})" if record["by"] else ""
        yield f"{record['candidate']}  {record['state']:<16} {'; '.join(record['reasons'])}{who}"


Candidate = Annotated[str, typer.Argument(help="Its id, as `echomort champion list` shows it.")]
Because = Annotated[str, typer.Option("--because", help="Why, for the history; name no patient.")]


def show(
    candidate: Annotated[str | None, typer.Argument(help="Its id (default: the champion).")] = None,
    home: Home = Path("demo"),
) -> None:
    """Show a candidate: what it was made of and with, its figures, and every decision on it, as JSON."""
    settings = project_settings(home)
    registry = settings.registry
    from echomort.champion.history import shown
    from echomort.champion.store import HOW_TO_GET_ONE, NO_CHAMPION, champion_name

    name = candidate or champion_name(registry)
    if name is None:
        raise UserError(NO_CHAMPION, HOW_TO_GET_ONE)
    out.print(json.dumps(shown(registry, name, settings.evaluation.suppress_below_events), indent=1, sort_keys=True))


def rollback(candidate: Candidate, because: Because = "rolled back", home: Home = Path("demo")) -> None:
    """Make a former champion the champion again."""
    _choose(home, candidate, because, "rollback")


def promote(candidate: Candidate, because: Because, home: Home = Path("demo")) -> None:
    """Make any candidate the champion, whatever the gate says."""
    if not because.strip():
        raise UserError("--because is empty", "say why, for those who come after you")
    _choose(home, candidate, because, "promotion")


def _choose(home: Path, candidate: str, because: str, kind: str) -> None:
    home = existing_home(home)
    from echomort.champion.history import choose
    from orchestration.runs import project_lock

    with project_lock(home), audited(home, f"champion {kind}") as noted:
        choose(home / REGISTRY, candidate, because, kind, home)
        noted.add([f"candidate {candidate}"])
    out.print(f"{candidate} is the champion; run `echomort run`, which scores the patients with it")

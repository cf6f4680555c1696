"""``echomort status``: what is up to date, what is stale, and why."""

from pathlib import Path

from orchestration.cli.options import AsJson, Home, out
from orchestration.cli.projects import existing_home


def status(home: Home = Path("demo"), as_json: AsJson = False) -> None:
    """Show what is up to date, what is stale and why."""
    home = existing_home(home)
    from orchestration.printing import project as summary

    summary.print_status(home, out, as_json)

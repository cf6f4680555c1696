"""``python -m docs.generators.settings_table`` prints docs/settings.md: every setting with its provenance."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

from echomort.settings import Postgresql, Settings, Sources, load_settings

HEAD = """# Settings

Made by `python -m docs.generators.settings_table`. A value, shown as YAML, is given in a file, in the environment or by
`--set` (docs/operations.md). Provenance: *published* was read in a source of the method, *reconstructed* is recalled or
deduced from it and not re-checked, *ours* is this project's choice. Only what is *published* is the paper's.

| key | paper | demo | provenance | meaning |
|---|---|---|---|---|
"""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield from HEAD.splitlines()
    demo = {key: value for key, value, *_ in _rows("demo")}
    for key, value, provenance, meaning in _rows("paper"):
        other = "" if demo.get(key, value) == value else f"`{as_yaml(demo[key])}`"
        yield f"| `{key}` | `{as_yaml(value)}` | {other} | {provenance} | {meaning} |"


def as_yaml(value: Any) -> str:
    """Return a setting's value as a person writes it in a file."""
    plain = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=1_000).removesuffix("\n").removesuffix("\n...")


def _rows(preset: str) -> Iterator[tuple[str, Any, str, str]]:
    database = Settings(sources=Sources(postgresql=Postgresql()))
    optional = [row for row in database.provenance() if row[0].startswith("sources.postgresql.")]
    for row in load_settings(flags={"preset": preset}, environment={}).provenance():
        yield from optional if row[0] == "sources.postgresql" else [row]


def main() -> None:
    """Print the page."""
    for line in lines():
        typer.echo(line)


if __name__ == "__main__":
    main()

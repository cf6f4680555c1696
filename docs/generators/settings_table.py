"""``python -m docs.generators.settings_table`` prints docs/settings.md: every setting with its provenance."""

from collections.abc import Iterator
from typing import Any

import typer

from echomort.settings import Postgresql, Settings, Sources, as_yaml, load_settings

HEAD = """# Settings

Made by `python -m docs.generators.settings_table`. A value, shown as YAML, is given in a file, in the environment or by
`--set` (docs/operations.md). Preset `standard` is for a site's own archive, `paper` is the method's own recipe, `demo`
a result in minutes; the columns of these two show where they differ from `standard`, and [method.md](method.md) why.
Provenance is that of the value in `paper`: *published* was read in a source of the method, *recalled* is
in no source that was read, *ours* is this project's choice. Only what is *published* is the paper's.

| key | standard | paper | demo | provenance | meaning |
|---|---|---|---|---|---|
"""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield from HEAD.splitlines()
    others = [{key: value for key, value, *_ in _rows(preset)} for preset in ("paper", "demo")]
    provenances = {key: provenance for key, _, provenance, _ in _rows("paper")}
    for key, value, _, meaning in _rows("standard"):
        shown = [f"`{as_yaml(other[key])}`" if other.get(key, value) != value else "" for other in others]
        yield f"| {' | '.join((f'`{key}`', f'`{as_yaml(value)}`', *shown, provenances[key], meaning))} |"


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

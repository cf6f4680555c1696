"""``python -m docs.generators.settings_table`` prints docs/settings.md: every setting with its provenance."""

from collections.abc import Iterator
from typing import Any

import typer

from echomort.settings import Postgresql, Settings, Sources, as_yaml, load_settings

HEAD = """# Settings

Made by `python -m docs.generators.settings_table`. A value, shown as YAML, is given in a file, in the environment or by
`--set` (docs/operations.md). Preset `standard` is for a site's own archive, `paper` is the method's own recipe, `demo`
a result in minutes, `pilot` the first run of a hospital with 50 to 300 patients ([pilot.md](pilot.md)); their columns
show where they differ from `standard`, and [method.md](method.md) and the [end of this page](#preset-pilot) why.
Provenance is that of the value in `paper`: *published* was read in a source of the method, *recalled* is
in no source that was read, *ours* is this project's choice. Only what is *published* is the paper's.

| key | standard | paper | demo | pilot | provenance | meaning |
|---|---|---|---|---|---|---|
"""

PILOT = """
## Preset pilot

Chosen here, for 50 to 300 patients; all else is as in `standard`.

| setting | reason |
|---|---|
"""

PILOT_REASONS = {
    "cohort.reader_fraction": "No patient is kept for a reader study: so few cases would show nothing.",
    "cohort.sealed_fraction": "No patient is sealed: a few of them could judge no model. A pilot has no champion.",
    "cohort.heart_failure_fraction": "Nobody is held out by diagnosis: every death is needed for training.",
    "imaging.clip.frames": "Half of `standard`, at half the rate: the same two seconds.",
    "imaging.clip.fps": "Half of `standard`: the same two seconds in half the frames.",
    "imaging.clip.height": "About half of `standard`: with frames and width, an eighth of the pixels to train on.",
    "imaging.clip.width": "Half of `standard`, with the same aspect.",
    "training.stopping": "A tenth of the patients, one or two deaths, can't tell when to stop.",
    "training.max_epochs": "The fixed number of epochs; few clips are learnt by heart after more.",
    "training.min_clips": "One clip a patient of 40, near the smallest pilot; below it a view is skipped and said so.",
    "training.min_deaths": "As `evaluation.suppress_below_events`: with fewer no figure is shown anyway.",
    "tabular.depth": "Pairs of variables at most: deeper trees part patients who are one of a kind.",
    "tabular.min_child_weight": "With 5 no tree has a branch below some 50 training patients: all get the same risk.",
    "tabular.baseline_variables": "Without the 100 clinical variables alone, which the model of all has too.",
    "fusion.model": "A weight for each score; trees need more deaths than a pilot has.",
}
"""Setting -> why preset ``pilot`` differs from ``standard`` in it."""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield from HEAD.splitlines()
    others = [{key: value for key, value, *_ in _rows(preset)} for preset in ("paper", "demo", "pilot")]
    provenances = {key: provenance for key, _, provenance, _ in _rows("paper")}
    for key, value, _, meaning in _rows("standard"):
        shown = [f"`{as_yaml(other[key])}`" if other.get(key, value) != value else "" for other in others]
        yield f"| {' | '.join((f'`{key}`', f'`{as_yaml(value)}`', *shown, provenances[key], meaning))} |"
    yield from PILOT.splitlines()
    yield from (f"| `{key}` | {reason} |" for key, reason in PILOT_REASONS.items())


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

"""``python -m docs.generators.method_page`` prints docs/method.md: the method's facts, and where the presets differ."""

from collections.abc import Iterator

import typer

from docs.generators.settings_table import as_yaml
from echomort.method import Fact, differences, facts
from echomort.settings import load_settings

HEAD = """# The method

Made by `python -m docs.generators.method_page` from `echomort/method/facts.csv` and `differences.csv`.

echomort follows Ulloa Cerna et al., *Nature Biomedical Engineering* 2021;5:546-554. What is known of their method, and
what it decides here, is listed below; tests compare it with the settings and the networks. Status:

- *preprint*: arXiv 1811.10553, version 2 (14 May 2019), with page, figure or table;
- *authors' code*: their published AP4 network and its demo;
- *journal*: the abstract and the figure titles of the journal's version, which has more data;
- *recalled*: in no source that was read;
- *ours*: this project's choice.

Only the first three are called published. Where the last column is empty, nothing here follows from the fact. The
published networks were checked layer by layer against the preprint's tables, in the weights and in the size of every
input (`tests/networks/`); steps of the optimizers against Keras 2.2's rules in double precision
(`tests/training/test_optimizer.py`).
"""
TITLES = {
    "cohort": "Cohort",
    "video": "Video",
    "networks": "Networks",
    "training": "Training",
    "records": "Records",
    "readers": "Readers",
    "results": "Results of the authors, on their patients",
}
PRESETS = """
## Where `standard` differs from `paper`

Preset `paper` is the recipe above as far as settings express it. Preset `standard`, the default for a site's own
archive, is what this project thinks better; `demo` derives from it. All other settings are the same in both
([settings.md](settings.md)). `paper` reads native pixels: on an archive without them, the synthetic one too, set
`imaging.clip.source: annotated`. With native pixels, name the size of the native pictures
(`imaging.clip.view_sizes`): the sizes that are counted from the headers are those of the displayed frames, and larger
([experiments.md](experiments.md#raw-video)). The whole way at the method's size of clip, on the synthetic archive,
with one view, few patients and few epochs (5 min 19 s on two cores; its figures say nothing about the method):

```
echomort run --home paper --set preset=paper --set imaging.clip.source=annotated \\
  --set sources.synthetic.patients=120 --set sources.synthetic.frame_size=full \\
  --set sources.synthetic.views=[parasternal_long] --set training.views=[parasternal_long] \\
  --set training.max_epochs=3 --set training.min_clips=40 --set training.min_deaths=10 \\
  --set evaluation.permutations=1 --set execution.executor=in_process
```

| setting | paper | standard | reason |
|---|---|---|---|
"""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield from HEAD.splitlines()
    for topic, title in TITLES.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield "| fact | value | status | source | decides |"
        yield "|---|---|---|---|---|"
        yield from map(_row, facts(topic))
    yield from PRESETS.splitlines()
    paper, standard = map(preset_values, ("paper", "standard"))
    for key, reason in differences().items():
        yield f"| `{key}` | `{as_yaml(paper[key])}` | `{as_yaml(standard[key])}` | {reason} |"


def preset_values(preset: str) -> dict[str, object]:
    """Return setting -> value of a preset on the embedded archive."""
    return {key: value for key, value, *_ in load_settings(flags={"preset": preset}, environment={}).provenance()}


def _row(fact: Fact) -> str:
    value = f"`{fact.value}`" if fact.setting else fact.value
    _, _, decided = fact.decides.partition(":")
    parts = (fact.name, f"{value} {fact.unit}".strip(), fact.status, fact.source, decided and f"`{decided}`")
    return f"| {' | '.join(parts)} |"


def main() -> None:
    """Print the page."""
    for line in lines():
        typer.echo(line)


if __name__ == "__main__":
    main()

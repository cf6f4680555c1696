"""``echomort explain``: what the champion's risk of a loop rests on."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echomort.core.audit import Audited, audited
from orchestration.cli.options import AsJson, Home, LoopPaths, View, out, print_records, require_paths
from orchestration.cli.predict import champion_of, noted_score

if TYPE_CHECKING:
    from echomort.champion.explain import Explained


def explain(  # noqa: PLR0913, PLR0917
    paths: LoopPaths,
    save: Annotated[Path, typer.Option(help="Folder for the animations (.gif) and their numbers (.json).")],
    home: Home = Path("demo"),
    view: View = None,
    method: Annotated[
        Literal["both", "occlusion", "grad_cam"],
        typer.Option(help="Hide part after part (occlusion), weigh the last convolution's maps (grad_cam), or both."),
    ] = "both",
    as_json: AsJson = False,
) -> None:
    """Score echo files as `predict` does, and show for each what its risk rests on.

    An animation has the loop side by side: as it is, with what each part of the picture adds, with what the movement of
    each part adds, and with Grad-CAM: red where it raises the risk, blue where it lowers it.
    """
    require_paths(paths)
    champion = champion_of(home)
    from echomort.champion.explain import explain_files
    from orchestration.printing.files import predicted

    with audited(home, "explain") as noted:
        noted.add([f"candidate {champion.name}"])
        records = _noted(explain_files(paths, champion, save, view, method), noted)
        print_records(records, predicted, as_json)
    if not as_json:
        out.print(f"animations of what was scored: {save} (numbered by place in this list: 00001.gif, 00002.gif, ...)")


def _noted(found: "Iterable[Explained]", noted: Audited) -> Iterator[dict[str, Any]]:
    for one in found:
        noted_score(one.score, noted)
        yield one.as_record()

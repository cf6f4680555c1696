"""``echomort weights``: the network that the authors published, from your copy of its weights."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import out, progress_bar, require_paths


def import_weights(
    model: Annotated[Path, typer.Argument(help="Your copy of the authors' model.h5.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder for the imported weights.")],
) -> None:
    """Turn the authors' Keras file into safetensors, if it is that file."""
    require_paths([model])
    from echomort.models.keras import import_published

    card = import_published(model, output)
    out.print(
        f"{output}: network {card['network']}, view {card['view']}; score clips with `predict --weights {output}`"
    )


def score(
    file_list: Annotated[
        Path, typer.Argument(help="EchoNet-Dynamic's FileList.csv, with the folder Videos beside it.")
    ],
    weights: Annotated[Path, typer.Option(help="Folder that `weights import` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for scores and figure.")],
) -> None:
    """Score the clips of a FileList.csv: risk beside ejection fraction, as a table and a figure."""
    require_paths([file_list, weights])
    if output.exists() and not (output.is_dir() and (not any(output.iterdir()) or (output / "scores.csv").is_file())):
        raise UserError(f"{output} exists already and holds no scores", "name a new folder with -o")
    from echomort.core.files import atomic_folder
    from echomort.echonet.by_ef import risk_by_ef, risk_by_ef_svg
    from echomort.echonet.file_list import read_file_list
    from echomort.echonet.scores import NOT_A_RISK, score_list

    with progress_bar("clips") as progress:
        scores = score_list(read_file_list(file_list), weights, progress)
    by_ef = risk_by_ef(scores)
    with atomic_folder(output) as whole:
        (whole / "scores.csv").write_text(scores.to_csv(index=False))
        (whole / "risk_by_ef.csv").write_text(by_ef.to_csv(index=False))
        (whole / "risk_by_ef.svg").write_text(risk_by_ef_svg(scores))
    out.print(by_ef.round(3).to_string(index=False, na_rep="-"))
    out.print(f"{output}: {scores['risk'].notna().sum()} clips scored, {scores['risk'].isna().sum()} rejected")
    out.print(f"Each is {NOT_A_RISK}.")

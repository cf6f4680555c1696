"""``echomort risk``: a clinical score for every row of a table."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from echomort.core.errors import UserError
from echomort.core.files import write_text
from orchestration.cli.options import require_paths


def risk(
    score: Annotated[str, typer.Argument(help="Which clinical score: pce, prevent, shfm, maggic or a registered one.")],
    table: Annotated[Path, typer.Argument(help="CSV with the columns of docs/clinical_scores.md.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV to write (default: standard output).")
    ] = None,
    out_of_range: Annotated[
        Literal["strict", "clamp", "extrapolate"],
        typer.Option(help="An input outside the score's limits: no score, the limit instead, or the value as it is."),
    ] = "strict",
) -> None:
    """Compute a clinical score for every row of a table."""
    require_paths([table])
    from echomort.clinical_scores.table import score_file

    content = score_file(score, table, out_of_range).to_csv(index=False)
    if not output:
        return typer.echo(content, nl=False)
    try:
        write_text(output, content)
    except OSError:
        raise UserError(f"{output} can't be written", "name a file in a folder that you may write to") from None

"""``echomort labels``: the cohort and its labels, for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.audit import audited
from orchestration.cli.options import Home, out
from orchestration.cli.projects import project_settings


def labels(
    folder: Annotated[Path, typer.Argument(help="Folder to write; files of the same names are replaced.")],
    home: Home = Path("demo"),
) -> None:
    """Write the cohort and its labels in the label schema of MEDS, under the site's own numbers and true dates.

    One Parquet file for each horizon (subject_id, prediction_time, boolean_value) and one of the cohort. Only their
    owner can read them. The key of the project is needed. The audit log notes it.
    """
    settings = project_settings(home)
    from orchestration.labels import write_labels

    with audited(settings.home, "labels") as noted:
        write_labels(settings, folder, out, noted)

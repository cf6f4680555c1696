"""Single figures of the report as PNG, drawn from frames of the warehouse: for asset metadata and the README."""

from pathlib import Path

import pandas as pd

from echomort.core.files import write_bytes
from echomort.report.data import ReportData
from echomort.report.drawing.style import png
from echomort.report.numbers import Numbers
from echomort.report.sections import archive, patients, results


def auc_png(metrics: pd.DataFrame, least: int = 10) -> bytes:
    """Return the forest plot of AUCs, from the metric table; models with fewer than ``least`` deaths or survivors have
    no mark."""
    return png(results.forest_figure(Numbers(metrics, least)))


def archive_png(instances: pd.DataFrame) -> bytes:
    """Return the waterfall of files, from counts of instances (see :class:`echomort.report.data.ReportData`)."""
    return png(archive.archive_figure(instances))


def attrition_png(attrition: pd.DataFrame, cohort: pd.DataFrame) -> bytes:
    """Return the flow diagram from the extract to the parts of the cohort."""
    return png(patients.attrition_figure(attrition, cohort))


def write_previews(data: ReportData, folder: Path) -> None:
    """Write ``auc.png``, ``archive.png`` and ``attrition.png`` into ``folder``, each atomically."""
    write_bytes(folder / "auc.png", auc_png(data.metrics, data.suppress_below_events))
    write_bytes(folder / "archive.png", archive_png(data.instances))
    write_bytes(folder / "attrition.png", attrition_png(data.attrition, data.cohort))

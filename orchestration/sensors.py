"""The sensor on new files."""

import dagster as dg

from assets.project import Project
from assets.sources.dicom_archive import archive_fingerprint
from assets.sources.ehr_extract import extract_fingerprint
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from orchestration.jobs import ingest


@dg.sensor(job=ingest, minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.STOPPED)
def new_files(context: dg.SensorEvaluationContext, project: Project) -> dg.SensorResult | dg.SkipReason:
    """Start ``ingest`` when the echo files or the health records have changed since the last check."""
    try:
        seen = digest(archive_fingerprint(project.settings), extract_fingerprint(project.settings))
    except UserError as error:
        return dg.SkipReason(str(error))
    if seen == context.cursor:
        return dg.SkipReason("nothing new")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)

"""The sensor on new files."""

import dagster as dg

from assets.project import Project
from assets.sources.dicom_archive import archive_fingerprint
from assets.sources.ehr_extract import extract_fingerprint
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from orchestration.jobs import ingest

SEEN_TAG = "echomort/inputs"
"""Tag of a run: the digest of the inputs that it was started for."""

MOST_TRIES = 3
"""Times that the ingest of the same inputs is tried in a row. Our choice: what fails three times needs a person."""


@dg.sensor(job=ingest, minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.STOPPED)
def new_files(context: dg.SensorEvaluationContext, project: Project) -> dg.SensorResult | dg.SkipReason:
    """Start ``ingest`` when the echo files or the health records have changed since the last check."""
    try:
        seen = digest(archive_fingerprint(project.settings), extract_fingerprint(project.settings))
    except UserError as error:
        return dg.SkipReason(str(error))
    if seen == context.cursor and (done := _done_with(context.instance, seen)):
        return dg.SkipReason(done)
    return dg.SensorResult(run_requests=[dg.RunRequest(tags={SEEN_TAG: seen})], cursor=seen)


def _done_with(instance: dg.DagsterInstance, seen: str) -> str:
    """Return why inputs that were seen at the last check need no run now; empty if the ingest is to be tried again.

    Runs have no key: Dagster would never start one again for inputs that were there before (a volume that was away for
    an hour).
    """
    runs = instance.get_runs(dg.RunsFilter(job_name=ingest.name, tags={SEEN_TAG: seen}), limit=MOST_TRIES)
    if not runs or runs[0].status is not dg.DagsterRunStatus.FAILURE:
        return "nothing new"
    if len(runs) == MOST_TRIES and all(run.status is dg.DagsterRunStatus.FAILURE for run in runs):
        return f"the ingest of these inputs failed {MOST_TRIES} times: see its last run"
    return ""

"""The retraining schedule."""

from datetime import timedelta

import dagster as dg

from orchestration.jobs import rebuild_all

BETWEEN_RETRAININGS = timedelta(days=7)
"""The time between two runs of the schedule below."""

weekly_retraining = dg.ScheduleDefinition(
    name="weekly_retraining",
    job=rebuild_all,
    cron_schedule="0 3 * * 6",
    execution_timezone="UTC",
    description="Saturdays at 03:00 UTC; trains only stale models. Off by default.",
)

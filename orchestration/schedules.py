"""The retraining schedule."""

import dagster as dg

from orchestration.jobs import rebuild_all

weekly_retraining = dg.ScheduleDefinition(
    name="weekly_retraining",
    job=rebuild_all,
    cron_schedule="0 3 * * 6",
    execution_timezone="UTC",
    description="Saturdays at 03:00 UTC; trains only stale models. Off by default.",
)

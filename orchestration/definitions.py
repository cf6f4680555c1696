"""The code location: everything that Dagster needs to know, and no logic."""

import warnings

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from assets import quality  # noqa: E402
from assets.graph import MODULES  # noqa: E402
from orchestration.automation import automate, automation_sensor  # noqa: E402
from orchestration.executor import executor  # noqa: E402
from orchestration.freshness import expect_fresh  # noqa: E402
from orchestration.jobs import JOBS  # noqa: E402
from orchestration.progress import progress_logger  # noqa: E402
from orchestration.resources import RESOURCES  # noqa: E402
from orchestration.schedules import weekly_retraining  # noqa: E402
from orchestration.sensors import new_files  # noqa: E402

AUTOMATED = {"records", "imaging", "evaluation", "prediction"}

defs = dg.Definitions(
    assets=expect_fresh(automate(dg.load_assets_from_modules(MODULES), groups=AUTOMATED), without="experiments"),
    asset_checks=quality.CHECKS,
    jobs=JOBS,
    schedules=[weekly_retraining],
    sensors=[automation_sensor, new_files],
    resources=RESOURCES,
    executor=executor(),
    loggers={"console": dg.colored_console_logger, "progress": progress_logger},
)

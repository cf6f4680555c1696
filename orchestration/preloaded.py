"""What the steps of a run need, loaded once: every step is forked from a process that has imported this module.

A step that loads it by itself spends two seconds of processor time on the graph, and one that checks a table three more
on Great Expectations.
"""

import atexit
import contextlib
import gc

gc.disable()  # what is loaded is no garbage: to look for it took a sixth of the time

from echomort.core.supervision import end_forks_with_parent  # noqa: E402
from orchestration.event_log import kept_open  # noqa: E402
from orchestration.log_tails import undisturbed_tails  # noqa: E402
from orchestration.runs import everything_job  # noqa: E402
from warehouse.checks.library import library  # noqa: E402

everything_job()
library()
until_the_step_ends = contextlib.ExitStack()
until_the_step_ends.enter_context(kept_open())
until_the_step_ends.enter_context(undisturbed_tails())
atexit.register(gc.unfreeze)  # else DuckDB's binding finds at the end what was never let go, and says so in 45 lines
gc.freeze()  # what is loaded stays: no step looks through it for garbage
gc.enable()
end_forks_with_parent()  # a step whose run was killed ends too: this process ends with the run

"""What the steps of a run need, loaded once: every step is forked from a process that has imported this module.

A step that loads it by itself spends two seconds of processor time on the graph, and one that checks a table three more
on Great Expectations.
"""

import great_expectations.expectations  # noqa: F401

from echomort.core.supervision import end_forks_with_parent
from orchestration.runs import everything_job

everything_job()
end_forks_with_parent()  # a step whose run was killed ends too: this process ends with the run

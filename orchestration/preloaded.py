"""What the steps of a run need, loaded once: every step is forked from a process that has imported this module.

A step that loads it by itself spends two seconds of processor time on the graph, and one that checks a table three more
on Great Expectations.
"""

import great_expectations.expectations  # noqa: F401

from orchestration.runs import everything_job

everything_job()

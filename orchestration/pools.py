"""How many trainings run at a time: on one machine what a person set, by default one; on a cluster as many as jobs.

The limit of the pool ``gpu`` lies in the Dagster instance. A run on a cluster raises it, and notes what it was; the
next run on one machine sets it back.
"""

import dagster as dg

from echomort.settings import Execution

TRAINING = "gpu"
"""The pool of the steps that train (:func:`assets.incremental.unit_asset`)."""

BEFORE = "echomort_trainings_before_cluster"
"""Name of the note, in the storage of the instance."""


def fit_trainings(instance: dg.DagsterInstance, execution: Execution) -> None:
    """Set the limit of the pool of trainings to what ``execution`` asks for."""
    pools, notes = instance.event_log_storage, instance.run_storage
    noted = notes.get_cursor_values({BEFORE}).get(BEFORE)
    if execution.on_cluster:
        slots = pools.get_concurrency_info(TRAINING).slot_count
        if not noted:
            notes.set_cursor_values({BEFORE: str(slots)})
        if slots != execution.cluster.jobs:
            pools.set_concurrency_slots(TRAINING, execution.cluster.jobs)
    elif noted:
        if int(noted):
            pools.set_concurrency_slots(TRAINING, int(noted))
        else:
            pools.delete_concurrency_limit(TRAINING)  # the instance's default holds again
        notes.set_cursor_values({BEFORE: ""})

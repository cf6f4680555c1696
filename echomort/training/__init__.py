"""Training of the video models in a separate process, without Dagster or database: a JSON task in, a folder out."""

from echomort.networks import Branch
from echomort.training.run import NOT_DECIDING, Outcome, forked_pool, partial_folder, train, train_files, train_views
from echomort.training.task import Progress, Task, TrainingResult, error_file

__all__ = [
    "NOT_DECIDING",
    "Branch",
    "Outcome",
    "Progress",
    "Task",
    "TrainingResult",
    "error_file",
    "forked_pool",
    "partial_folder",
    "train",
    "train_files",
    "train_views",
]

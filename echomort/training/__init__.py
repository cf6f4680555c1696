"""Training of the video models in a separate process, without Dagster or database: a JSON task in, a folder out."""

from echomort.networks import Branch
from echomort.training.run import NOT_DECIDING, partial_folder, train, train_views
from echomort.training.task import Progress, Task, TrainingResult

__all__ = ["NOT_DECIDING", "Branch", "Progress", "Task", "TrainingResult", "partial_folder", "train", "train_views"]

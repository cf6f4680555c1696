"""Training of the video models, in a process of its own: no Dagster, no database, one JSON task in, one folder out."""

from echomort.training.run import UNDECIDING, train, train_views
from echomort.training.task import Progress, Task, TrainingResult

__all__ = ["UNDECIDING", "Progress", "Task", "TrainingResult", "train", "train_views"]

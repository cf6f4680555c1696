"""The controls: models that are kept from the motion, each named with what it is given."""

from dataclasses import dataclass
from typing import Literal

Learner = Literal["linear", "network"]


@dataclass(frozen=True)
class Control:
    """A control: its ``label``, what it ``sees`` of a clip, and what learns from that: a linear model, or the network
    that the views are trained with."""

    label: str
    sees: str
    learner: Learner


HEADERS, BRIGHTNESS, STILL_FRAME, MEAN_AND_SPREAD = "headers", "brightness", "still_frame", "mean_and_spread"
STILL_LOOP, SHUFFLED_LOOP = "still_loop", "shuffled_loop"
CONTROLS: dict[str, Control] = {
    HEADERS: Control("The file without its picture", "frame rate, frames, size, year, maker and syntax", "linear"),
    BRIGHTNESS: Control("Mean brightness", "the mean grey level of the loop", "linear"),
    STILL_FRAME: Control("One frame", "the frame that served best on the other folds", "linear"),
    STILL_LOOP: Control("One frame, by the network", "the first frame, repeated", "network"),
    SHUFFLED_LOOP: Control("Frames in random order, by the network", "all frames, their order lost", "network"),
    MEAN_AND_SPREAD: Control("Mean and spread of the frames", "two pictures, of which one tells motion", "linear"),
}
"""Name -> control, in the order of the report: those first that see least."""
STILL = BRIGHTNESS, STILL_FRAME, STILL_LOOP
"""Controls that see no motion at all."""

"""The section on what the risks of the example loops rest on."""

import numpy as np

from echomort.explain.tint import tinted
from echomort.report.blocks import Loop, Loops, Section
from echomort.report.data import Example, ReportData
from echomort.report.drawing.loops import animation, still, without_padding
from echomort.report.sections import ReportSection
from echomort.report.words import view_words

HOW_TO_READ = (
    "Above, what the look of a part adds to the risk of the loop, below, what its movement adds, found by hiding part "
    "after part from a network that did not learn from the patient: red raises the risk, blue lowers it. Colours show "
    "where the network looks, right or wrong. They do not show why a patient is at risk, what parts do together, or "
    "what is missing (docs/explaining.md)."
)
MOST_FRAMES = 30
"""Frames of a loop that are shown, at most: of a longer one every second, third and so on, as slowly. Our choice: about
90 KB a loop, 1.6 MB for the loops of six views."""
PANELS = "Above its look, below its movement"


def explained(data: ReportData) -> list[Section]:
    """Return the example loops tinted by their maps; nothing where none was explained."""
    examples = [example for example in data.examples if example.maps is not None]
    if not examples:
        return []
    views = dict.fromkeys(example.view for example in examples)
    groups = [(view_words(view), [_loop(example) for example in examples if example.view == view]) for view in views]
    return [Section("explained", "What the risks of these loops rest on", [Loops(groups, HOW_TO_READ)])]


def _loop(example: Example) -> Loop:
    shown = _tinted(example)
    every = -(-len(shown) // MOST_FRAMES)
    caption = example.caption[:1].upper() + example.caption[1:]
    return Loop(animation(shown[::every], example.fps / every), still(shown), view_words(example.view), caption, PANELS)


def _tinted(example: Example) -> np.ndarray:
    """Return both tinted loops, one above the other, uint8 (frames, 2 x height, width, 3); the part that adds most in
    either has the strongest colour."""
    assert example.maps is not None
    pixels = without_padding(example.pixels)
    largest = max(float(np.abs(part).max()) for part in example.maps) or 1.0
    panels = np.concatenate([tinted(pixels, part / largest) for part in example.maps], axis=1)
    return panels.round().astype(np.uint8)


REPORT_SECTION = ReportSection(place=25, build=lambda inputs: explained(inputs.data))

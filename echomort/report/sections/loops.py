"""The section on loops: what the networks see."""

from typing import TYPE_CHECKING

from echomort.report.blocks import Loop, Loops, Section
from echomort.report.data import Example, ReportData
from echomort.report.drawing.loops import animation, still
from echomort.report.sections import ReportSection
from echomort.report.words import (
    TIMES,
    view_words,
)

if TYPE_CHECKING:
    pass


def loops(data: ReportData) -> list[Section]:
    """Return the example clips, exactly as the networks see them; nothing where none were given."""
    if not data.examples:
        return []
    views = dict.fromkeys(example.view for example in data.examples)
    groups = [
        (view_words(view), [_loop(example) for example in data.examples if example.view == view]) for view in views
    ]
    caption = (
        "Exactly what the networks see, enlarged: grey, cut to the sector, nothing burnt in. Who died is not shown."
    )
    return [Section("loops", "What the networks see", [Loops(groups, caption)])]


def _loop(example: Example) -> Loop:
    frames, height, width = example.pixels.shape
    detail = f"{frames} frames of {height} {TIMES} {width}, {example.fps:g} a second"
    return Loop(
        animation(example.pixels, example.fps),
        still(example.pixels),
        view_words(example.view),
        example.caption[:1].upper() + example.caption[1:],
        detail,
    )


REPORT_SECTION = ReportSection(place=20, build=lambda given: loops(given.data))

"""The section on example loops."""

from echomort.report.blocks import Loop, Loops, Section
from echomort.report.data import Example, ReportData
from echomort.report.drawing.loops import animation, still
from echomort.report.sections import ReportSection
from echomort.report.words import (
    TIMES,
    view_words,
)


def loops(data: ReportData) -> list[Section]:
    """Return the example clips as the networks receive them; nothing without examples."""
    if not data.examples:
        return []
    views = dict.fromkeys(example.view for example in data.examples)
    groups = [
        (view_words(view), [_loop(example) for example in data.examples if example.view == view]) for view in views
    ]
    caption = "The networks' input, enlarged: grey, cut to the sector, without burnt-in text. The outcome is not shown."
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


REPORT_SECTION = ReportSection(place=20, build=lambda inputs: loops(inputs.data))

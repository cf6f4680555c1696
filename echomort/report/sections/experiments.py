"""The section on the paper's experiments that were repeated on this archive."""

from itertools import chain

from echomort.experiments import blocks
from echomort.experiments.comparisons import RULE, sentences
from echomort.experiments.results import Display, Findings, findings
from echomort.report.blocks import Picture, Section, Table, Words
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection

SHOWN = ("figure2", "figure5")
"""The experiments that the report shows, so that it stays short; each has a page of its own too."""


def experiments(data: ReportData, numbers: Numbers) -> list[Section]:
    """Return the section; none where no experiment of :data:`SHOWN` has a result."""
    display = Display(suppress_below=data.suppress_below_events, confidence=1 - numbers.significance)
    found = [findings(data.experiments, name, data.synthetic, display) for name in SHOWN]
    shown = [one for one in found if one.known]
    if not shown:
        return []
    lead = (
        "Experiments of the preprint, repeated at the size of this archive. Ours are of this archive"
        f"{', which is synthetic' if data.synthetic else ''}; what the preprint gives, on its own patients, is hatched "
        "or grey."
    )
    rules = Words([RULE.format(level=numbers.level), blocks.NOT_COMPARABLE])
    return [Section("experiments", "The paper's experiments", [*chain(*map(_blocks, shown)), rules], lead)]


def _blocks(found: Findings) -> list[Picture | Words | Table]:
    about = f"{found.about.title} ({found.about.place}): {found.counts_text}"
    listed = Words([about, *sentences(found.results)], listed=True)
    return [blocks.picture(found), listed, blocks.results_table(found, folded=True)]


REPORT_SECTION = ReportSection(place=116, build=lambda inputs: experiments(inputs.data, inputs.numbers))

"""The section on lineage: versions, inputs and code."""

from echomort.report.blocks import Section, Terms
from echomort.report.data import ReportData
from echomort.report.sections import ReportSection
from echomort.report.sections.provenance import setting_text


def lineage(data: ReportData) -> Section:
    """Return the lineage of this report."""
    items = [(name, setting_text(value)) for name, value in data.lineage.items()]
    return Section("lineage", "Where this report comes from", [Terms(items)])


REPORT_SECTION = ReportSection(place=140, build=lambda inputs: [lineage(inputs.data)])

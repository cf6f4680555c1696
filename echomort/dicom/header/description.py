"""Builds a header from the elements of a data set."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from echomort.dicom.header import values
from echomort.dicom.header.approach import Approach, ApproachTags, resolve_approach
from echomort.dicom.header.examination import ExaminationTags, resolve_examination
from echomort.dicom.header.fields import ULTRASOUND_LOOPS, Header, Region
from echomort.dicom.header.numbers import other_numbers
from echomort.dicom.header.rejection import kind_rejection
from echomort.dicom.header.rhythm import RhythmTags
from echomort.dicom.header.timing import TimingTags, resolve_timing
from echomort.dicom.header.views import UNKNOWN, ViewTags, resolve_view
from echomort.dicom.reasons import Reason, Rejected
from echomort.settings import USUAL_READING, HeaderReading

TIMING = ("FrameTimeVector", "FrameTime", "CineRate", "RecommendedDisplayFrameRate")
"""Tags that give time."""

TEXTS = (
    "SeriesDescription",
    "ProtocolName",
    "ViewName",
    "StageName",
    "StudyDescription",
    "PerformedProcedureStepDescription",
    "BodyPartExamined",
)
"""Texts that people typed, in which words of views, approaches and examinations are looked for."""

CORNERS = tuple(f"RegionLocation{corner}" for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1"))
DELTAS = "PhysicalDeltaX", "PhysicalDeltaY"
UNITS = "PhysicalUnitsXDirection", "PhysicalUnitsYDirection"
"""Tags of a region: its box, the size of its pixels, and their units (PS3.3 C.8.5.5)."""

CENTIMETRES = 3
"""PhysicalUnitsXDirection and Y: centimetres (PS3.3 C.8.5.5.1)."""

UNSIGNED_RANGE = 1 << 32
"""Values of an unsigned 32-bit number (VR UL, PS3.5 table 6.2-1)."""

FIRST_NEGATIVE = 1 << 31
"""From here on such a number, read as a signed one, is negative."""


def describe_header(dataset: values.Elements, syntax: str, how: HeaderReading = USUAL_READING) -> Header:
    """Return the header that ``dataset`` describes, its pixels in transfer syntax ``syntax``.

    Raises :class:`Rejected` (``BAD_TAG``) where a tag that decides how pixels are read has no usable value, or with the
    reason why such an object is no echo loop at all.
    """
    identify = _identity(dataset, syntax)
    header = identify()
    try:
        return _with_pixel_tags(identify, header, dataset, how)
    except values.BadTag as error:
        rejected = kind_rejection(header)
        raise rejected or Rejected(Reason.BAD_TAG, str(error), header) from None


def _identity(dataset: values.Elements, syntax: str) -> functools.partial[Header]:
    """Return what makes a header that says which object it is of; ``replace`` would read all its fields once more."""
    return functools.partial(
        Header,
        patient_id=values.text(dataset, "PatientID"),
        study_uid=values.text(dataset, "StudyInstanceUID"),
        series_uid=values.text(dataset, "SeriesInstanceUID"),
        sop_uid=values.text(dataset, "SOPInstanceUID"),
        accession_number=values.text(dataset, "AccessionNumber"),
        other_numbers=other_numbers(dataset),
        study_date=values.text(dataset, "StudyDate"),
        sop_class=values.text(dataset, "SOPClassUID"),
        transfer_syntax=syntax,
        modality=values.text(dataset, "Modality").upper(),
        manufacturer=values.text(dataset, "Manufacturer"),
        model=values.text(dataset, "ManufacturerModelName"),
        institution=values.text(dataset, "InstitutionName"),
        image_type=tuple(part.strip().upper() for part in values.text(dataset, "ImageType").split("\\")),
    )


def _with_pixel_tags(
    identify: functools.partial[Header], header: Header, dataset: values.Elements, how: HeaderReading
) -> Header:
    rows, columns = values.required_integer(dataset, "Rows"), values.required_integer(dataset, "Columns")
    frames = _frames(dataset, header.sop_class)
    samples = values.required_integer(dataset, "SamplesPerPixel")
    allocated, stored = (values.required_integer(dataset, keyword) for keyword in ("BitsAllocated", "BitsStored"))
    texts = {keyword: values.text(dataset, keyword) for keyword in TEXTS}
    view_tags = _view_tags(dataset, texts, header.manufacturer)
    view = resolve_view(view_tags, how.view_tags)
    shows_view = view.group != UNKNOWN
    approach, notes = resolve_approach(
        _approach_tags(dataset, texts, header.image_type, view_tags.meanings, shows_view)
    )
    examination = resolve_examination(_examination_tags(dataset, texts, approach, shows_view))
    return identify(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        photometric=values.text(dataset, "PhotometricInterpretation").upper(),
        planar=values.integer(dataset, "PlanarConfiguration"),
        bits_allocated=allocated,
        bits_stored=stored,
        is_signed=values.integer(dataset, "PixelRepresentation") == 1,
        pixel_aspect=_pixel_aspect(dataset),
        regions=_regions(dataset),
        timing=resolve_timing(_timing_tags(dataset, frames, rate_of(header.model, how.frame_rates))),
        view_tags=view,
        approach=approach,
        examination=examination,
        rhythm=_rhythm_tags(dataset),
        declares_colour=values.integer(dataset, "UltrasoundColorDataPresent") == 1,
        notes=(*notes, *examination.notes),
    )


def _frames(dataset: values.Elements, sop_class: str) -> int:
    """Return NumberOfFrames; absent or empty means one, except in a multi-frame class, which requires it (C.7.6.6)."""
    if values.is_empty(dataset, "NumberOfFrames"):
        if sop_class in ULTRASOUND_LOOPS:
            raise values.BadTag("NumberOfFrames")
        return 1
    return values.required_integer(dataset, "NumberOfFrames")


def _pixel_aspect(dataset: values.Elements) -> float:
    """Return a pixel's height over its width (PixelAspectRatio: vertical, horizontal; C.7.6.3.1.7); 1 if absent."""
    ratio = values.numbers(dataset, "PixelAspectRatio")
    return ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0


def _regions(dataset: values.Elements) -> tuple[Region, ...]:
    regions = map(_region, values.items(dataset, "SequenceOfUltrasoundRegions"))
    return tuple(region for region in regions if region is not None)


def _region(item: values.Elements) -> Region | None:
    corners = [values.integer(item, keyword) for keyword in CORNERS]
    spatial_format, data_type = values.integer(item, "RegionSpatialFormat"), values.integer(item, "RegionDataType")
    if None in corners or spatial_format is None:
        return None
    x0, y0, x1, y1 = (_signed(corner or 0) for corner in corners)
    deltas = [values.number(item, keyword) or 0.0 for keyword in DELTAS]
    units = [values.integer(item, keyword) for keyword in UNITS]
    return Region(
        spatial_format, data_type or 0, x0, y0, x1, y1, deltas[0], deltas[1], units == [CENTIMETRES, CENTIMETRES]
    )


def _signed(corner: int) -> int:
    """Return a corner with its sign: it is unsigned 32-bit, yet scanners write -1, which arrives as 4294967295."""
    return corner - UNSIGNED_RANGE if corner >= FIRST_NEGATIVE else corner


def _timing_tags(dataset: values.Elements, frames: int, site_rate: float | None) -> TimingTags:
    read = {keyword: values.written_numbers(dataset, keyword) for keyword in TIMING}
    vector, *single = (numbers for numbers, _ in read.values())
    frame_time, cine_rate, display_rate = (numbers[0] if len(numbers) == 1 else None for numbers in single)
    return TimingTags(
        frames=frames,
        pointers=values.tags(dataset, "FrameIncrementPointer"),
        frame_time=frame_time,
        frame_time_vector=vector,
        cine_rate=cine_rate,
        display_rate=display_rate,
        with_commas=tuple(keyword for keyword, (_, has_comma) in read.items() if has_comma),
        site_rate=site_rate,
    )


def _rhythm_tags(dataset: values.Elements) -> RhythmTags:
    return RhythmTags(
        r_waves=values.numbers(dataset, "RWaveTimeVector"),
        heart_rate=values.number(dataset, "HeartRate"),
        nominal_interval=values.number(dataset, "NominalInterval"),
    )


def _view_tags(dataset: values.Elements, texts: dict[str, str], manufacturer: str) -> ViewTags:
    items = values.items(dataset, "ViewCodeSequence")
    return ViewTags(
        codes=tuple(filter(None, (values.text(item, "CodeValue") for item in items))),
        meanings=tuple(filter(None, (values.text(item, "CodeMeaning") for item in items))),
        name=texts["ViewName"],
        stage=texts["StageName"],
        number=values.integer(dataset, "ViewNumber"),
        descriptions=_given(texts, "SeriesDescription", "ProtocolName"),
        manufacturer=manufacturer,
    )


def _approach_tags(
    dataset: values.Elements,
    texts: dict[str, str],
    image_type: tuple[str, ...],
    meanings: tuple[str, ...],
    shows_view: bool,
) -> ApproachTags:
    items = values.items(dataset, "TransducerApplicationCodeSequence")
    return ApproachTags(
        examination=image_type[2] if len(image_type) > 2 else "",
        transducer_type=values.text(dataset, "TransducerType"),
        applications=tuple(values.text(item, "CodeValue") for item in items),
        probe=values.text(dataset, "TransducerData").split("\\")[0],
        named=(*meanings, *_given(texts, "ViewName", "SeriesDescription", "ProtocolName")),
        ordered=_given(texts, "StudyDescription", "PerformedProcedureStepDescription"),
        shows_view=shows_view,
    )


def _examination_tags(
    dataset: values.Elements, texts: dict[str, str], approach: Approach, shows_view: bool
) -> ExaminationTags:
    return ExaminationTags(
        series=_given(texts, "SeriesDescription", "ProtocolName"),
        study=_given(texts, "StudyDescription", "PerformedProcedureStepDescription", "BodyPartExamined"),
        stage=texts["StageName"],
        agent=values.text(dataset, "ContrastBolusAgent"),
        is_cardiac=approach is Approach.CHEST,
        shows_view=shows_view,
    )


def _given(texts: dict[str, str], *keywords: str) -> tuple[str, ...]:
    """Return the texts that are not empty."""
    return tuple(texts[keyword] for keyword in keywords if texts[keyword])


def rate_of(model: str, frame_rates: Mapping[str, float]) -> float | None:
    """Return the site's frame rate of a device model, whatever its case and spaces; None where it names none."""
    wanted = _plain(model)
    return next((rate for name, rate in frame_rates.items() if _plain(name) == wanted), None)


def _plain(model: str) -> str:
    return " ".join(model.casefold().split())

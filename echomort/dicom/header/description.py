"""Builds a header from the elements of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydicom.dataset import Dataset

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

CENTIMETRES = 3
"""PhysicalUnitsXDirection and Y: centimetres (PS3.3 C.8.5.5.1)."""

UNSIGNED_RANGE = 1 << 32
"""Values of an unsigned 32-bit number (VR UL, PS3.5 table 6.2-1)."""

FIRST_NEGATIVE = 1 << 31
"""From here on such a number, read as a signed one, is negative."""


def describe_header(dataset: Dataset, syntax: str, how: HeaderReading = USUAL_READING) -> Header:
    """Return the header that ``dataset`` describes, its pixels in transfer syntax ``syntax``.

    Raises :class:`Rejected` (``BAD_TAG``) where a tag that decides how pixels are read has no usable value, or with the
    reason why such an object is no echo loop at all.
    """
    header = Header(
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
    try:
        return _with_pixel_tags(header, dataset, how)
    except values.BadTag as error:
        rejected = kind_rejection(header)
        raise rejected or Rejected(Reason.BAD_TAG, str(error), header) from None


def _with_pixel_tags(header: Header, dataset: Dataset, how: HeaderReading) -> Header:
    rows, columns = values.required_integer(dataset, "Rows"), values.required_integer(dataset, "Columns")
    frames = _frames(dataset, header.sop_class)
    described = replace(
        header,
        rows=rows,
        columns=columns,
        frames=frames,
        samples=values.required_integer(dataset, "SamplesPerPixel"),
        photometric=values.text(dataset, "PhotometricInterpretation").upper(),
        planar=values.integer(dataset, "PlanarConfiguration"),
        bits_allocated=values.required_integer(dataset, "BitsAllocated"),
        bits_stored=values.required_integer(dataset, "BitsStored"),
        is_signed=values.integer(dataset, "PixelRepresentation") == 1,
        pixel_aspect=_pixel_aspect(dataset),
        regions=_regions(dataset),
        rhythm=_rhythm_tags(dataset),
        declares_colour=values.integer(dataset, "UltrasoundColorDataPresent") == 1,
        timing=resolve_timing(_timing_tags(dataset, frames, rate_of(header.model, how.frame_rates))),
    )
    described = replace(described, view_tags=resolve_view(_view_tags(dataset, header.manufacturer), how.view_tags))
    approach, notes = resolve_approach(_approach_tags(dataset, described))
    examination = resolve_examination(_examination_tags(dataset, described, approach))
    return replace(described, approach=approach, examination=examination, notes=(*notes, *examination.notes))


def _frames(dataset: Dataset, sop_class: str) -> int:
    """Return NumberOfFrames; absent or empty means one, except in a multi-frame class, which requires it (C.7.6.6)."""
    element = dataset.get_item("NumberOfFrames")
    if element is None or not element.value:
        if sop_class in ULTRASOUND_LOOPS:
            raise values.BadTag("NumberOfFrames")
        return 1
    return values.required_integer(dataset, "NumberOfFrames")


def _pixel_aspect(dataset: Dataset) -> float:
    """Return a pixel's height over its width (PixelAspectRatio: vertical, horizontal; C.7.6.3.1.7); 1 if absent."""
    ratio = values.numbers(dataset, "PixelAspectRatio")
    return ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0


def _regions(dataset: Dataset) -> tuple[Region, ...]:
    regions = map(_region, values.items(dataset, "SequenceOfUltrasoundRegions"))
    return tuple(region for region in regions if region is not None)


def _region(item: Dataset) -> Region | None:
    corners = [values.integer(item, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    spatial_format, data_type = values.integer(item, "RegionSpatialFormat"), values.integer(item, "RegionDataType")
    if None in corners or spatial_format is None:
        return None
    x0, y0, x1, y1 = (_signed(corner or 0) for corner in corners)
    deltas = [values.number(item, f"PhysicalDelta{axis}") or 0.0 for axis in "XY"]
    units = [values.integer(item, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    return Region(
        spatial_format, data_type or 0, x0, y0, x1, y1, deltas[0], deltas[1], units == [CENTIMETRES, CENTIMETRES]
    )


def _signed(corner: int) -> int:
    """Return a corner with its sign: it is unsigned 32-bit, yet scanners write -1, which arrives as 4294967295."""
    return corner - UNSIGNED_RANGE if corner >= FIRST_NEGATIVE else corner


def _timing_tags(dataset: Dataset, frames: int, site_rate: float | None) -> TimingTags:
    pointers = tuple(
        int(tag) for tag in values.parts(values.value(dataset, "FrameIncrementPointer")) if isinstance(tag, int)
    )
    read = {keyword: values.written_numbers(dataset, keyword) for keyword in TIMING}
    vector, *single = (numbers for numbers, _ in read.values())
    frame_time, cine_rate, display_rate = (numbers[0] if len(numbers) == 1 else None for numbers in single)
    return TimingTags(
        frames=frames,
        pointers=pointers,
        frame_time=frame_time,
        frame_time_vector=vector,
        cine_rate=cine_rate,
        display_rate=display_rate,
        with_commas=tuple(keyword for keyword, (_, has_comma) in read.items() if has_comma),
        site_rate=site_rate,
    )


def _rhythm_tags(dataset: Dataset) -> RhythmTags:
    return RhythmTags(
        r_waves=values.numbers(dataset, "RWaveTimeVector"),
        heart_rate=values.number(dataset, "HeartRate"),
        nominal_interval=values.number(dataset, "NominalInterval"),
    )


def _view_tags(dataset: Dataset, manufacturer: str) -> ViewTags:
    items = values.items(dataset, "ViewCodeSequence")
    return ViewTags(
        codes=tuple(filter(None, (values.text(item, "CodeValue") for item in items))),
        meanings=tuple(filter(None, (values.text(item, "CodeMeaning") for item in items))),
        name=values.text(dataset, "ViewName"),
        stage=values.text(dataset, "StageName"),
        number=values.integer(dataset, "ViewNumber"),
        descriptions=tuple(filter(None, (values.text(dataset, key) for key in ("SeriesDescription", "ProtocolName")))),
        manufacturer=manufacturer,
    )


def _approach_tags(dataset: Dataset, header: Header) -> ApproachTags:
    items = values.items(dataset, "TransducerApplicationCodeSequence")
    named = ("ViewName", "SeriesDescription", "ProtocolName")
    meanings = [values.text(item, "CodeMeaning") for item in values.items(dataset, "ViewCodeSequence")]
    ordered = ("StudyDescription", "PerformedProcedureStepDescription")
    return ApproachTags(
        examination=header.image_type[2] if len(header.image_type) > 2 else "",
        transducer_type=values.text(dataset, "TransducerType"),
        applications=tuple(values.text(item, "CodeValue") for item in items),
        probe=values.text(dataset, "TransducerData").split("\\")[0],
        named=tuple(filter(None, (*meanings, *(values.text(dataset, keyword) for keyword in named)))),
        ordered=tuple(filter(None, (values.text(dataset, keyword) for keyword in ordered))),
        shows_view=header.view != UNKNOWN,
    )


def _examination_tags(dataset: Dataset, header: Header, approach: Approach) -> ExaminationTags:
    series, study = (
        tuple(filter(None, (values.text(dataset, keyword) for keyword in keywords)))
        for keywords in (
            ("SeriesDescription", "ProtocolName"),
            ("StudyDescription", "PerformedProcedureStepDescription", "BodyPartExamined"),
        )
    )
    return ExaminationTags(
        series=series,
        study=study,
        stage=values.text(dataset, "StageName"),
        agent=values.text(dataset, "ContrastBolusAgent"),
        is_cardiac=approach is Approach.CHEST,
        shows_view=header.view != UNKNOWN,
    )


def rate_of(model: str, frame_rates: Mapping[str, float]) -> float | None:
    """Return the site's frame rate of a device model, whatever its case and spaces; None where it names none."""
    wanted = _plain(model)
    return next((rate for name, rate in frame_rates.items() if _plain(name) == wanted), None)


def _plain(model: str) -> str:
    return " ".join(model.casefold().split())

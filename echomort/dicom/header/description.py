"""From the elements of a data set to a header."""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset

from echomort.dicom.header import values
from echomort.dicom.header.approach import ApproachTags, resolve_approach
from echomort.dicom.header.fields import ULTRASOUND_LOOPS, Header, Region
from echomort.dicom.header.rejection import refusal_of_kind
from echomort.dicom.header.timing import TimingTags, resolve_timing
from echomort.dicom.header.views import UNKNOWN, ViewTags, resolve_view
from echomort.dicom.reasons import Reason, Rejected


def describe_header(dataset: Dataset, syntax: str) -> Header:
    """Return the header that ``dataset`` describes, its pixels in transfer syntax ``syntax``.

    Raises :class:`Rejected` (``BAD_TAG``) where a tag that decides how pixels are read has no usable value, or with the
    reason that such an object is no echo loop at all.
    """
    header = Header(
        patient_id=values.text(dataset, "PatientID"),
        study_uid=values.text(dataset, "StudyInstanceUID"),
        series_uid=values.text(dataset, "SeriesInstanceUID"),
        sop_uid=values.text(dataset, "SOPInstanceUID"),
        accession_number=values.text(dataset, "AccessionNumber"),
        study_date=values.text(dataset, "StudyDate"),
        sop_class=values.text(dataset, "SOPClassUID"),
        transfer_syntax=syntax,
        modality=values.text(dataset, "Modality").upper(),
        manufacturer=values.text(dataset, "Manufacturer"),
        model=values.text(dataset, "ManufacturerModelName"),
        image_type=tuple(part.strip().upper() for part in values.text(dataset, "ImageType").split("\\")),
    )
    try:
        return _with_pixel_tags(header, dataset)
    except values.BadTag as error:
        refused = refusal_of_kind(header)
        raise refused or Rejected(Reason.BAD_TAG, str(error), header) from None


def _with_pixel_tags(header: Header, dataset: Dataset) -> Header:
    rows, columns = values.required(dataset, "Rows"), values.required(dataset, "Columns")
    frames = _frames(dataset, header.sop_class)
    described = replace(
        header,
        rows=rows,
        columns=columns,
        frames=frames,
        samples=values.required(dataset, "SamplesPerPixel"),
        photometric=values.text(dataset, "PhotometricInterpretation").upper(),
        planar=values.whole(dataset, "PlanarConfiguration"),
        bits_allocated=values.required(dataset, "BitsAllocated"),
        bits_stored=values.required(dataset, "BitsStored"),
        is_signed=values.whole(dataset, "PixelRepresentation") == 1,
        pixel_aspect=_pixel_aspect(dataset),
        regions=_regions(dataset),
        declares_colour=values.whole(dataset, "UltrasoundColorDataPresent") == 1,
        timing=resolve_timing(_timing_tags(dataset, frames)),
    )
    described = replace(described, view_tags=resolve_view(_view_tags(dataset, header.manufacturer)))
    approach, notes = resolve_approach(_approach_tags(dataset, described))
    return replace(described, approach=approach, notes=notes)


def _frames(dataset: Dataset, sop_class: str) -> int:
    """NumberOfFrames; absent or empty means one, but for a multi-frame class, where it is required (C.7.6.6)."""
    given = dataset.get_item("NumberOfFrames")
    if given is None or not given.value:
        if sop_class in ULTRASOUND_LOOPS:
            raise values.BadTag("NumberOfFrames")
        return 1
    return values.required(dataset, "NumberOfFrames")


def _pixel_aspect(dataset: Dataset) -> float:
    """Height of a pixel over its width (PixelAspectRatio is vertical, horizontal: C.7.6.3.1.7); 1 where absent."""
    ratio = values.numbers(dataset, "PixelAspectRatio")
    return ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0


def _regions(dataset: Dataset) -> tuple[Region, ...]:
    regions = map(_region, values.items(dataset, "SequenceOfUltrasoundRegions"))
    return tuple(region for region in regions if region is not None)


def _region(item: Dataset) -> Region | None:
    corners = [values.whole(item, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    spatial_format, data_type = values.whole(item, "RegionSpatialFormat"), values.whole(item, "RegionDataType")
    if None in corners or spatial_format is None:
        return None
    x0, y0, x1, y1 = (_signed(corner or 0) for corner in corners)
    deltas = [values.number(item, f"PhysicalDelta{axis}") or 0.0 for axis in "XY"]
    units = [values.whole(item, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    return Region(spatial_format, data_type or 0, x0, y0, x1, y1, deltas[0], deltas[1], units == [3, 3])


def _signed(corner: int) -> int:
    """Corners are unsigned 32-bit, yet scanners write negative ones: -1 arrives as 4294967295."""
    return corner - (1 << 32) if corner >= 1 << 31 else corner


def _timing_tags(dataset: Dataset, frames: int) -> TimingTags:
    pointers = tuple(
        int(tag) for tag in values.several(values.value(dataset, "FrameIncrementPointer")) if isinstance(tag, int)
    )
    return TimingTags(
        frames=frames,
        pointers=pointers,
        frame_time=values.number(dataset, "FrameTime"),
        frame_time_vector=values.numbers(dataset, "FrameTimeVector"),
        cine_rate=values.number(dataset, "CineRate"),
        display_rate=values.number(dataset, "RecommendedDisplayFrameRate"),
    )


def _view_tags(dataset: Dataset, manufacturer: str) -> ViewTags:
    items = values.items(dataset, "ViewCodeSequence")
    return ViewTags(
        codes=tuple(filter(None, (values.text(item, "CodeValue") for item in items))),
        meanings=tuple(filter(None, (values.text(item, "CodeMeaning") for item in items))),
        name=values.text(dataset, "ViewName"),
        stage=values.text(dataset, "StageName"),
        number=values.whole(dataset, "ViewNumber"),
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

"""Writes echo objects of every kind that the standard allows, and of the kinds that it does not."""

from __future__ import annotations

import functools
import io
import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, generate_uid

IMPLICIT, EXPLICIT, BIG, DEFLATED = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
)
JPEG, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS, J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS, HTJ2K = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.203"
JPEG_XL_LOSSLESS, JPEG_XL_JPEG, JPEG_XL = (f"1.2.840.10008.1.2.4.11{number}" for number in range(3))
RLE = "1.2.840.10008.1.2.5"
LOOP_CLASS, STILL_CLASS = "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.6.1"
NATIVE = {IMPLICIT, EXPLICIT, BIG, DEFLATED}


@dataclass(frozen=True)
class Cone:
    """A phased-array sector: apex, half angle and depth, in pixels."""

    x: float
    y: float
    half_angle: float
    depth: float

    def mask(self, rows: int, columns: int) -> np.ndarray:
        y, x = np.mgrid[:rows, :columns]
        radius, turn = np.hypot(x - self.x, y - self.y), np.arctan2(x - self.x, y - self.y)
        return (radius < self.depth) & (np.abs(turn) < self.half_angle) & (radius > 0.03 * self.depth)


def cone_of(rows: int, columns: int) -> Cone:
    return Cone(columns * 0.48, rows * 0.06, 0.72, rows * 0.82)


@functools.cache
def sector_movie(frames: int = 12, rows: int = 120, columns: int = 160, seed: int = 0) -> np.ndarray:
    """A speckled sector whose wall beats: uint8 (frames, rows, columns), 0 outside the sector."""
    random = np.random.default_rng(seed)
    cone = cone_of(rows, columns)
    inside = cone.mask(rows, columns)
    y, x = np.mgrid[:rows, :columns]
    distance = np.hypot(x - columns * 0.48, y - rows * 0.5)
    movie = np.zeros((frames, rows, columns), np.uint8)
    for index in range(frames):
        wall = rows * (0.2 + 0.05 * np.sin(2 * np.pi * index / 12))
        tissue = 40 + 110 / (1 + np.exp((np.abs(distance - wall) - rows * 0.06) / 2))
        speckle = random.rayleigh(0.8, (rows, columns))
        movie[index][inside] = np.clip(tissue * speckle, 0, 255)[inside]
    return movie


def with_overlays(movie: np.ndarray) -> np.ndarray:
    """Text at the upper left, ticks at the right, a moving ECG trace below, a logo near the apex."""
    drawn = movie.copy()
    frames, rows, columns = drawn.shape
    drawn[:, 2:10, 2:30:3] = 230
    drawn[:, 4:5, 2:30] = 200
    for tick in range(10, rows - 10, 12):
        drawn[:, tick : tick + 2, columns - 6 : columns - 3] = 255
    drawn[:, 2:7, int(columns * 0.62) : int(columns * 0.62) + 5] = 220
    for index in range(frames):
        x = np.arange(10, columns - 10)
        trace = rows - 8 - (6 * np.exp(-(((x + 3 * index) % 40 - 20) ** 2) / 6)).astype(int)
        drawn[index, trace, x] = 190
    return drawn


@dataclass
class EchoFile:
    """A cine loop to be written; every field is what a scanner might write, or should not."""

    movie: np.ndarray = field(default_factory=sector_movie)
    syntax: str = EXPLICIT
    photometric: str = "MONOCHROME2"
    planar: int = 0
    fragments: int = 1
    offset_table: str = "basic"
    quality: int = 95
    tags: dict[str, Any] = field(default_factory=dict)

    def dataset(self) -> Dataset:
        frames, rows, columns = self.movie.shape[:3]
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = LOOP_CLASS, generate_uid(entropy_srcs=["echo"])
        dataset.Modality, dataset.Manufacturer, dataset.ManufacturerModelName = "US", "Nobody", "Phantom"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0001"]
        dataset.PatientID, dataset.StudyInstanceUID = "P-17", "1.2.3"
        dataset.SeriesInstanceUID, dataset.AccessionNumber = "1.2.3.4", "A-9"
        dataset.StudyDate = "20200102"
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames, rows, columns
        dataset.FrameTime, dataset.FrameIncrementPointer = 33.333, 0x00181063
        dataset.SamplesPerPixel = 1 if self.photometric in {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"} else 3
        dataset.PhotometricInterpretation = self.photometric
        if dataset.SamplesPerPixel == 3:
            dataset.PlanarConfiguration = self.planar
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation = 7, 0
        dataset.SequenceOfUltrasoundRegions = [region(0, 0, columns - 1, rows - 1)]
        if self.photometric == "PALETTE COLOR":
            _grey_palette(dataset)
        for keyword, value in self.tags.items():
            if value is None:
                if keyword in dataset:
                    del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        return dataset

    def write(self, path: Path) -> Path:
        dataset = self.dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(self.syntax)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", LOOP_CLASS)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2"
        self._put_pixels(dataset)
        dcmwrite(
            path,
            dataset,
            implicit_vr=self.syntax == IMPLICIT,
            little_endian=self.syntax != BIG,
            enforce_file_format=True,
        )
        return path

    def _put_pixels(self, dataset: Dataset) -> None:
        stored = [pack(frame, self.photometric, self.planar) for frame in self.movie]
        if self.syntax in NATIVE:
            dataset.PixelData = b"".join(stored)
            if len(dataset.PixelData) % 2:
                dataset.PixelData += b"\0"
            dataset["PixelData"].VR = "OW" if self.syntax == BIG else "OB"
            if self.syntax == BIG:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "u1").reshape(-1, 2)[:, ::-1].tobytes()
            return
        encoded = [encode(frame, self.syntax, self.photometric, self.quality) for frame in self.movie]
        dataset.PixelData = encapsulate(
            encoded, fragments_per_frame=self.fragments, has_bot=self.offset_table == "basic"
        )
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"


class KillsItsReader:
    """A path that ends any other process which opens it: what a decoder's crash looks like from outside."""

    def __init__(self) -> None:
        self.maker = os.getpid()

    def __fspath__(self) -> str:
        if os.getpid() != self.maker:
            os._exit(9)
        return os.devnull


def region(x0: int, y0: int, x1: int, y1: int, **tags: Any) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 2
    item.RegionLocationMinX0, item.RegionLocationMinY0 = x0 & 0xFFFFFFFF, y0 & 0xFFFFFFFF
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1 & 0xFFFFFFFF, y1 & 0xFFFFFFFF
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = 0.03
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def regions(*items: Dataset) -> Sequence:
    return Sequence(items)


def to_colour(frame: np.ndarray, photometric: str) -> np.ndarray:
    """A frame as (rows, columns, 3) in the colour space named; grey frames stay grey."""
    rgb = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2)
    if not photometric.startswith("YBR") or photometric in {"YBR_RCT", "YBR_ICT"}:
        return rgb
    r, g, b = (rgb[..., channel].astype(float) for channel in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    ybr = np.stack([y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402], axis=-1)
    return np.clip(np.round(ybr), 0, 255).astype(np.uint8)


def pack(frame: np.ndarray, photometric: str, planar: int) -> bytes:
    """The bytes of one native frame."""
    if photometric == "MONOCHROME1":
        return (255 - frame).tobytes()
    if photometric in {"MONOCHROME2", "PALETTE COLOR"}:
        return frame.tobytes()
    colour = to_colour(frame, photometric)
    if photometric == "YBR_FULL_422":
        quads = np.empty((colour.shape[0], colour.shape[1] // 2, 4), np.uint8)
        quads[..., 0], quads[..., 1] = colour[:, 0::2, 0], colour[:, 1::2, 0]
        quads[..., 2:] = colour[:, 0::2, 1:]
        return quads.tobytes()
    return np.ascontiguousarray(np.moveaxis(colour, -1, 0) if planar else colour).tobytes()


def encode(  # noqa: PLR0911 - one line a codec
    frame: np.ndarray, syntax: str, photometric: str, quality: int = 95
) -> bytes:
    """One frame compressed as the transfer syntax says."""
    import imagecodecs
    import simplejpeg

    grey = photometric in {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}
    picture = (255 - frame if photometric == "MONOCHROME1" else frame) if grey else to_colour(frame, photometric)
    picture = np.ascontiguousarray(picture)
    if syntax in {JPEG, JPEG_EXTENDED}:
        if grey:
            return simplejpeg.encode_jpeg(picture[..., None], quality, "GRAY", "Gray")
        rgb = np.ascontiguousarray(to_colour(frame, "RGB"))
        return simplejpeg.encode_jpeg(rgb, quality, "RGB", "422" if photometric.endswith("422") else "444")
    if syntax in {JPEG_LOSSLESS, JPEG_LOSSLESS_SV1}:
        return imagecodecs.ljpeg_encode(picture)
    if syntax in {JPEG_LS, JPEG_LS_NEAR}:
        return imagecodecs.jpegls_encode(picture, level=2 if syntax == JPEG_LS_NEAR else 0)
    if syntax in {J2K_LOSSLESS, J2K}:
        return imagecodecs.jpeg2k_encode(
            picture,
            codecformat="j2k",
            reversible=syntax == J2K_LOSSLESS,
            level=0 if syntax == J2K_LOSSLESS else 45,
            mct=not grey,
        )
    if syntax in {HTJ2K_LOSSLESS, HTJ2K}:
        return imagecodecs.htj2k_encode(picture)
    if syntax == RLE:
        return rle(picture)
    raise ValueError(syntax)


def rle(picture: np.ndarray) -> bytes:
    """PS3.5 annex G, with literal runs only."""
    planes = [picture] if picture.ndim == 2 else list(np.moveaxis(picture, -1, 0))
    segments = []
    for plane in planes:
        body = io.BytesIO()
        for row in plane:
            for start in range(0, len(row), 128):
                run = row[start : start + 128].tobytes()
                body.write(bytes([len(run) - 1]) + run)
        segments.append(body.getvalue() + b"\0" * (len(body.getvalue()) % 2))
    offsets = [64 + sum(map(len, segments[:index])) for index in range(len(segments))]
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def split_meta(content: bytes) -> tuple[bytes, bytes]:
    """A file's bytes up to the data set, and the data set."""
    length = struct.unpack("<L", content[140:144])[0]
    return content[: 144 + length], content[144 + length :]


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _grey_palette(dataset: Dataset) -> None:
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", (np.arange(256, dtype="<u2") * 257).tobytes())

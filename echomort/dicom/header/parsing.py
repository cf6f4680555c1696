"""Opens an echo object and parses its header without its pixels, within limits."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from echomort.dicom.header import values
from echomort.dicom.header.description import describe_header
from echomort.dicom.header.elements import WANTED, ElementGuard, PixelElement
from echomort.dicom.header.fields import Header
from echomort.dicom.header.meta import (
    DEFLATED,
    DICOM_DIRECTORY,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
    MAX_INFLATED_HEADER,
    inflate,
    read_meta,
)
from echomort.dicom.header.rejection import check_header
from echomort.dicom.header.sequences import LONG_VRS
from echomort.dicom.header.walk import walk_header
from echomort.dicom.reasons import Reason, Rejected
from echomort.settings import USUAL_READING, HeaderReading

MAX_INFLATED_BYTES = 256 << 20
"""Bytes (256 MiB) that a deflated object may inflate to where its pixels are read, else ``BOMB``. Our choice."""


# pydicom's warnings and log lines quote values and paths: none may reach our logs.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class OpenObject:
    """An object ready for its pixels to be read: its stream, size, tags and header, and where the pixels are."""

    stream: BinaryIO = field(repr=False)
    size: int
    dataset: values.Elements = field(repr=False)
    header: Header
    pixels: PixelElement
    is_little_endian: bool = True


def read_header(path: Path | str, how: HeaderReading = USUAL_READING) -> Header:
    """Return the header of the object at ``path`` without reading its pixels.

    Raises :class:`Rejected`, and nothing else, for an object that can't become a clip; its ``header`` is set where
    enough could be read to describe the object.

    >>> from pydicom.data import get_testdata_file
    >>> header = read_header(get_testdata_file("examples_ybr_color.dcm"))
    >>> header.frames, header.rows, header.columns, header.fps_source
    (30, 240, 320, 'FrameTime')
    """
    with reject_errors_as(Reason.CORRUPT_HEADER), _open_regular(path) as file:
        return check_header(_parse(file, os.fstat(file.fileno()).st_size, MAX_INFLATED_HEADER, how).header)


@contextlib.contextmanager
def reject_errors_as(reason: Reason) -> Iterator[None]:
    """Turn every exception of the block into :class:`Rejected`, with ``reason`` where no better one is known.

    Parsers do raise ``StopIteration`` and ``RecursionError`` on bad files; if these escaped, a file would disappear
    unnoticed or stop the run.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Rejected:
        raise
    except RecursionError:
        raise Rejected(Reason.TOO_DEEP) from None
    except MemoryError:
        raise Rejected(Reason.OUT_OF_MEMORY) from None
    except OSError:
        raise Rejected(Reason.UNREADABLE_FILE) from None
    except EOFError:
        raise Rejected(Reason.TRUNCATED) from None
    except Exception as error:  # noqa: BLE001 - a bad file never stops a run
        raise Rejected(reason, type(error).__name__) from None


@contextlib.contextmanager
def open_object(
    path: Path | str,
    inflate_limit: int = MAX_INFLATED_BYTES,
    check: bool = True,
    how: HeaderReading = USUAL_READING,
) -> Iterator[OpenObject]:
    """Open the object at ``path``, parse its header, and yield it ready for its pixels to be read.

    Raises :class:`Rejected`; with ``check``, also where the header shows that the object can't become a clip.
    """
    with _open_regular(path) as file:
        with reject_errors_as(Reason.CORRUPT_HEADER):
            source = _parse(file, os.fstat(file.fileno()).st_size, inflate_limit, how)
        if check:
            check_header(source.header)
        yield source


def _open_regular(path: Path | str) -> _BoundedFile:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe must not block
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Rejected(Reason.UNREADABLE_FILE)
    return _BoundedFile(io.FileIO(descriptor))


class _BoundedFile(io.BufferedReader):
    """A file whose ``read`` allocates no more bytes than the file has, whatever length a tag declares."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _parse(file: BinaryIO, size: int, inflate_limit: int, how: HeaderReading) -> OpenObject:
    syntax, media_class, notes = read_meta(file, size)
    if media_class == DICOM_DIRECTORY:
        raise Rejected(Reason.NOT_AN_IMAGE)
    stream, whole = file, size
    if syntax == DEFLATED:
        content = inflate(file, inflate_limit)
        stream, whole = io.BytesIO(content), len(content)
    is_implicit, is_little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    found = walk_header(stream, is_implicit) if is_little else None
    dataset, pixels = found or _read_by_pydicom(stream, whole, syntax)
    header = describe_header(dataset, syntax, how)
    return OpenObject(
        stream, whole, dataset, replace(header, notes=(*notes, *header.notes)) if notes else header, pixels, is_little
    )


def _read_by_pydicom(stream: BinaryIO, size: int, syntax: str) -> tuple[Dataset, PixelElement]:
    """Return the wanted elements of a data set that may be written in any way, and the pixel element that ends them."""
    is_implicit, is_little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    guard = ElementGuard(stream, size, is_little)
    dataset = read_dataset(stream, is_implicit, is_little, stop_when=guard, specific_tags=list(WANTED))
    if guard.pixels is None:
        raise _rejection_without_pixels(dataset, syntax)
    long_form = guard.pixels.vr.encode() in LONG_VRS
    return dataset, replace(guard.pixels, offset=stream.tell() + (12 if long_form else 8))


def _rejection_without_pixels(dataset: Dataset, syntax: str) -> Rejected:
    sop_class = values.text(dataset, "SOPClassUID")
    if not sop_class and not values.text(dataset, "Modality"):
        return Rejected(Reason.CORRUPT_HEADER if len(dataset) == 0 else Reason.NOT_AN_IMAGE)
    described = Header(sop_class=sop_class, modality=values.text(dataset, "Modality").upper(), transfer_syntax=syntax)
    if described.modality not in {"", "US"}:
        return Rejected(Reason.NOT_ULTRASOUND, header=described)
    is_image = "Image Storage" in UID(sop_class).name or "Rows" in dataset
    return Rejected(Reason.TRUNCATED if is_image else Reason.NOT_AN_IMAGE, header=described)

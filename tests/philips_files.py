"""Writes echo objects with Philips' private block of native data, in the two generations that public readers know."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from echo_files import IMPLICIT, EchoFile, sector_movie
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from scipy import ndimage

STREAMS, SAMPLES = "Philips US Imaging DD 045", "Philips US Imaging DD 033"
ECHO = "UDM_USD_DATATYPE_DIN_2D_ECHO"


def native_movie(frames: int = 20, rows: int = 109, columns: int = 150) -> np.ndarray:
    """A beating sector of scan-converted speckle, which is a few pixels wide as a beam's is; nothing drawn over it."""
    movie = sector_movie(frames, rows, columns).astype(float)
    smooth = np.stack([ndimage.gaussian_filter(frame, 1.2) for frame in movie])
    return np.clip(smooth * 1.4, 0, 255).astype(np.uint8) * (movie.max(axis=0) > 0)


@dataclass
class PhilipsFile:
    """A cine loop with native data; the fields beyond ``native`` are what may be wrong with them."""

    native: np.ndarray = field(default_factory=native_movie)
    compression: str = "ZLib"
    header_bytes: int = 32
    tick: int = 25_000
    annotated: EchoFile = field(default_factory=EchoFile)
    element: int = 0xF5
    kinds: tuple[str, ...] = (ECHO,)
    frames: int | None = None
    counted: int | None = None
    reserved: int | None = None
    cut: int = 0
    padding: int = 16
    table: bytes | None = None
    inflate_to: int | None = None

    def write(self, path: Path) -> Path:
        self.annotated.write(path)
        dataset = dcmread(path)
        syntax = dataset.file_meta.TransferSyntaxUID
        block = dataset.private_block(0x200D, STREAMS, create=True)
        block.add_new(self.element, "SQ", Sequence([self._stream(kind) for kind in self.kinds]))
        dataset.save_as(path, implicit_vr=syntax == IMPLICIT, little_endian=True, enforce_file_format=True)
        return path

    def _stream(self, kind: str) -> Dataset:
        item = Dataset()
        item.private_block(0x200D, SAMPLES, create=True).add_new(0x0D, "LO", kind)
        item.private_block(0x200D, STREAMS, create=True).add_new(0xF1, "SQ", Sequence([self._samples()]))
        return item

    def _samples(self) -> Dataset:
        size = self.native[0].size
        item = Dataset()
        counts = item.private_block(0x200D, SAMPLES, create=True)
        counts.add_new(0x10, "IS", str(len(self.native) if self.frames is None else self.frames))
        counts.add_new(0x11, "IS", str(self.reserved or size + self.header_bytes))
        data = item.private_block(0x200D, STREAMS, create=True)
        data.add_new(0xFA, "CS", self.compression)
        payload = self.payload()
        data.add_new(0xF3, "OB", payload + b"\0" * (len(payload) % 2))
        headers = b"".join(self._header(index) for index in range(len(self.native)))
        data.add_new(0xFB, "OB", headers if self.table is None else self.table)
        return item

    def payload(self) -> bytes:
        bodies = [self._header(index) + self._packed(frame) for index, frame in enumerate(self.native)]
        head = struct.calcsize("<LL" if self.header_bytes == 32 else "<QL")
        start = head + 4 * len(bodies)
        offsets = [start + sum(map(len, bodies[:index])) for index in range(len(bodies))]
        length = start + sum(map(len, bodies))
        count = len(bodies) if self.counted is None else self.counted
        packed = struct.pack("<LL" if self.header_bytes == 32 else "<QL", length, count)
        whole = packed + struct.pack(f"<{len(offsets)}L", *offsets) + b"".join(bodies)
        return whole[: len(whole) - self.cut]

    def _packed(self, frame: np.ndarray) -> bytes:
        data = frame.tobytes() + b"\0" * self.padding
        if self.inflate_to:
            data = data.ljust(self.inflate_to, b"\0")
        return zlib.compress(data) if self.compression == "ZLib" else data

    def _header(self, index: int) -> bytes:
        size = self.native[0].size
        if self.header_bytes == 32:
            return struct.pack("<QHHBBHL12x", 7_000_000 + index * self.tick, 0, 3, 1, 0, 1280, size)
        return struct.pack("<LHHHHL", 7_000 + 800 * index, 2000, 3, 1, 1280, size)

"""Bad and odd objects, classes B01 to B37: each ends in exactly one state, with the right reason, and no exception but
:class:`Rejected` leaves the reader."""

import contextlib
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from echo_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    J2K_LOSSLESS,
    JPEG,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    RLE,
    STILL_CLASS,
    EchoFile,
    deflate,
    region,
    regions,
    sector_movie,
    split_meta,
    to_colour,
)

from echomort.dicom import Clip, Reason, Rejected, lit_outside_sector, read_clip, read_header

ACCEPTED = "accepted"
Outcome = str | Reason
Make = Callable[[Path], Path]
CASES: dict[str, tuple[Make, tuple[Outcome, ...], str | None]] = {}
MOVIE = sector_movie(12)
NATIVE_FORMS = {"implicit": IMPLICIT, "explicit": EXPLICIT, "big": BIG, "deflated": DEFLATED}
PACKED_FORMS = {"jpeg": JPEG, "jpeg_ls": JPEG_LS, "j2k": J2K_LOSSLESS, "rle": RLE, "lossless": JPEG_LOSSLESS_SV1}


ITEM_OF_NOTHING = b"\xfe\xff\x00\xe0\0\0\0\0"


def case(name: str, make: Make, *expected: Outcome, note: str | None = None) -> None:
    assert name not in CASES
    CASES[name] = make, expected, note


def file(**fields: object) -> Make:
    return lambda path: EchoFile(MOVIE, **fields).write(path)  # type: ignore[arg-type]


def tagged(syntax: str = EXPLICIT, **tags: object) -> Make:
    return file(syntax=syntax, tags=tags)


def edited(make: Make, edit: Callable[[bytes], bytes]) -> Make:
    def write(path: Path) -> Path:
        make(path)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return write


def raw(content: bytes) -> Make:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def pixel_element(content: bytes) -> int:
    """Where the top-level pixel data element begins (explicit little endian)."""
    return content.rindex(b"\xe0\x7f\x10\x00O")


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


def in_pixels(change: Callable[[bytes, bytes], bytes]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        at = pixel_element(content)
        return change(content[:at], content[at:])

    return edit


def frame_edit(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change the value of one fragment in place, keeping its length."""

    def edit(content: bytes) -> bytes:
        position = pixel_element(content) + 12
        for _ in range(number + 1):  # the offset table, then the frames before
            position += 8 + struct.unpack("<L", content[position + 4 : position + 8])[0]
        length = struct.unpack("<L", content[position + 4 : position + 8])[0]
        value = content[position + 8 : position + 8 + length]
        changed = change(value)
        assert len(changed) == length
        return content[: position + 8] + changed + content[position + 8 + length :]

    return edit


# B01: not DICOM at all.
case("b01_empty", raw(b""), Reason.NOT_DICOM, Reason.TRUNCATED)
case("b01_text", raw(b"patient,view\n17,A4C\n" * 20), Reason.NOT_DICOM)
case("b01_html", raw(b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>" * 9), Reason.NOT_DICOM)
case("b01_png", raw(b"\x89PNG\r\n\x1a\n" + b"\0" * 400), Reason.NOT_DICOM)
case("b01_zeros", raw(b"\0" * 4096), Reason.NOT_DICOM)
case("b01_random", raw(np.random.default_rng(1).bytes(4096)), Reason.NOT_DICOM)
case("b01_one_byte", raw(b"D"), Reason.NOT_DICOM)
case("b01_avi", raw(b"RIFF\x00\x10\x00\x00AVI LIST" + b"\1" * 2000), Reason.NOT_DICOM)

# B02, B03: cut short.
case("b02_preamble_only", raw(b"\0" * 128 + b"DICM"), Reason.TRUNCATED)
case("b02_preamble_cut", raw(b"\0" * 100), Reason.NOT_DICOM)
for share in (140, 150, 180, 220, 260):
    case(f"b02_meta_cut_{share}", edited(file(), lambda content, end=share: content[:end]), Reason.TRUNCATED)
for end in (400, 500, 600, 800):
    case(
        f"b03_header_cut_{end}",
        edited(file(), lambda content, end=end: content[:end]),
        Reason.TRUNCATED,
        Reason.BAD_TAG,
        Reason.CORRUPT_HEADER,
        Reason.NOT_AN_IMAGE,
    )
case("b03_no_pixels", edited(file(), lambda content: content[: pixel_element(content)]), Reason.TRUNCATED)


# B04: garbage in the header.
def _garbled(content: bytes) -> bytes:
    meta, data = split_meta(content)
    return meta + np.random.default_rng(4).bytes(64) + data[64:]


case(
    "b04_random_bytes",
    edited(file(), _garbled),
    Reason.CORRUPT_HEADER,
    Reason.NOT_AN_IMAGE,
    Reason.TRUNCATED,
    Reason.NOT_ULTRASOUND,
)
case("b04_group_length_missing", edited(file(), lambda c: c[:132] + c[144:]), ACCEPTED)

# B05: no preamble.
case("b05_no_preamble", edited(file(), lambda content: content[132:]), ACCEPTED, note="no_preamble")
case("b05_no_meta", edited(file(), lambda content: split_meta(content)[1]), ACCEPTED, note="no_preamble")
case(
    "b05_no_meta_implicit",
    edited(file(syntax=IMPLICIT), lambda content: split_meta(content)[1]),
    ACCEPTED,
    note="no_preamble",
)
case("b05_no_meta_big", edited(file(syntax=BIG), lambda content: split_meta(content)[1]), ACCEPTED, note="no_preamble")

# B06, B08: pixels cut.
for name, syntax in {**NATIVE_FORMS, **PACKED_FORMS}.items():
    if syntax == DEFLATED:
        expected: tuple[Outcome, ...] = (Reason.TRUNCATED_PIXELS, Reason.CORRUPT_HEADER, Reason.TRUNCATED)
    else:
        expected = (Reason.TRUNCATED_PIXELS,)
    case(f"b06_cut_half_{name}", edited(file(syntax=syntax), cut(0.55)), *expected)
    if name in PACKED_FORMS:  # the delimiter is cut, the frames are whole
        expected_byte, cut_note = (ACCEPTED,), "no_delimiter"
    else:
        expected_byte, cut_note = expected, None
    case(
        f"b06_cut_byte_{name}", edited(file(syntax=syntax), lambda content: content[:-1]), *expected_byte, note=cut_note
    )
    case(f"b06_cut_tenth_{name}", edited(file(syntax=syntax), cut(0.9)), *expected)

# B07: something after the end.
for name, syntax in {**NATIVE_FORMS, **PACKED_FORMS}.items():
    case(f"b07_zeros_after_{name}", edited(file(syntax=syntax), lambda content: content + b"\0" * (1 << 20)), ACCEPTED)
case(
    "b07_padding_element",
    edited(file(), lambda c: c + b"\xfc\xff\xfc\xffOB\0\0\x10\0\0\0" + b"\0" * 16),
    ACCEPTED,
    note="bytes_after_pixels",
)

# B09 to B12: NumberOfFrames disagrees with the pixels.
for name, syntax in {**NATIVE_FORMS, **PACKED_FORMS}.items():
    for frames in (2, 11, 13, 60):
        case(f"b10_frames_{frames}_of_12_{name}", tagged(syntax, NumberOfFrames=frames), Reason.FRAME_COUNT)
case("b11_one_of_12_native", tagged(NumberOfFrames=1), Reason.STILL, Reason.FRAME_COUNT)

# B13, B14: NumberOfFrames without a sensible value.
case("b13_frames_zero", tagged(NumberOfFrames=0), Reason.BAD_TAG)
case("b13_frames_missing", tagged(NumberOfFrames=None), Reason.BAD_TAG)
case("b13_frames_missing_jpeg", tagged(JPEG, NumberOfFrames=None), Reason.BAD_TAG)


def text_frames(value: bytes) -> Make:
    def edit(content: bytes) -> bytes:
        at = content.index(b"\x28\x00\x08\x00IS")
        return (
            content[: at + 6]
            + struct.pack("<H", len(value))
            + value
            + content[at + 8 + struct.unpack("<H", content[at + 6 : at + 8])[0] :]
        )

    return edited(file(), edit)


case("b13_frames_empty", text_frames(b""), Reason.BAD_TAG)
case("b13_frames_blank", text_frames(b"  "), Reason.BAD_TAG)
case("b14_frames_negative", text_frames(b"-3"), Reason.BAD_TAG)
case("b14_frames_word", text_frames(b"four"), Reason.BAD_TAG)
case("b14_frames_fraction", text_frames(b"4.5 "), Reason.BAD_TAG)
case("b14_frames_decimal", text_frames(b"12.00 "), ACCEPTED)
case("b14_frames_two_values", text_frames(b"12\\12 "), Reason.BAD_TAG)
case("b14_frames_nan", text_frames(b"nan "), Reason.BAD_TAG)
case("b14_frames_infinite", text_frames(b"inf "), Reason.BAD_TAG)
case("b14_frames_1e9", text_frames(b"1e9 "), Reason.BOMB, Reason.BAD_TAG)

# B15, B16, B18: too large to be true.
for name, syntax in {"native": EXPLICIT, "jpeg": JPEG, "rle": RLE}.items():
    case(f"b15_half_a_million_frames_{name}", tagged(syntax, NumberOfFrames=500_000), Reason.BOMB)
    case(f"b15_two_to_31_frames_{name}", tagged(syntax, NumberOfFrames=2**31 - 1), Reason.BOMB)
case("b15_beyond_32_bits", text_frames(b"99999999999 "), Reason.BOMB, Reason.BAD_TAG)
case("b16_largest_frame", tagged(Rows=65535, Columns=65535, NumberOfFrames=2_000_000), Reason.BOMB)
case("b16_largest_frame_jpeg", tagged(JPEG, Rows=65535, Columns=65535), Reason.BOMB)
case("b18_5000_square", tagged(JPEG, Rows=5000, Columns=5000), Reason.BOMB)


def _jpeg_bomb(path: Path) -> Path:
    import simplejpeg

    huge = simplejpeg.encode_jpeg(np.zeros((13000, 13000, 1), np.uint8), 50, "GRAY", "Gray")
    EchoFile(MOVIE[:2], JPEG).write(path)
    content = path.read_bytes()
    items = b"".join(
        b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item
        for item in (b"", huge + b"\0" * (len(huge) % 2), huge + b"\0" * (len(huge) % 2))
    )
    at = pixel_element(content)
    path.write_bytes(content[: at + 12] + items + b"\xfe\xff\xdd\xe0" + b"\0" * 4)
    return path


case("b18_jpeg_bomb", _jpeg_bomb, Reason.BOMB)


# B17: deflate bombs.
def _deflated(inside: Callable[[bytes], bytes]) -> Make:
    def write(path: Path) -> Path:
        EchoFile(MOVIE, EXPLICIT).write(path)
        meta, data = split_meta(path.read_bytes())
        length = struct.unpack("<L", meta[140:144])[0]
        padded = EXPLICIT.encode() + b"\0"
        replaced = meta.replace(struct.pack("<H", len(padded)) + padded, struct.pack("<H", 22) + DEFLATED.encode())
        replaced = replaced[:140] + struct.pack("<L", length + 22 - len(padded)) + replaced[144:]
        path.write_bytes(replaced + inside(data))
        return path

    return write


case("b17_deflated_control", _deflated(deflate), ACCEPTED)
case("b17_bomb_in_pixels", _deflated(lambda data: deflate(data + b"\0" * (280 << 20))), Reason.BOMB)
case("b17_not_deflated", _deflated(lambda data: data), Reason.CORRUPT_HEADER, Reason.NOT_AN_IMAGE, Reason.TRUNCATED)
case(
    "b17_deflated_junk",
    _deflated(lambda data: b"\xff" * 999),
    Reason.CORRUPT_HEADER,
    Reason.NOT_AN_IMAGE,
    Reason.TRUNCATED,
)
case("b17_deflated_empty", _deflated(lambda data: b""), Reason.CORRUPT_HEADER, Reason.NOT_AN_IMAGE, Reason.TRUNCATED)


# B19: offset tables that lie. The frames are there; the table is not needed.
def table_edit(change: Callable[[list[int]], list[int]]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        at = pixel_element(content) + 12
        length = struct.unpack("<L", content[at + 4 : at + 8])[0]
        offsets = list(struct.unpack(f"<{length // 4}L", content[at + 8 : at + 8 + length]))
        changed = struct.pack(f"<{len(change(offsets))}L", *change(offsets))
        return content[: at + 4] + struct.pack("<L", len(changed)) + changed + content[at + 8 + length :]

    return edit


TABLES = {
    "out_of_range": lambda offsets: [offset + 10_000_000 for offset in offsets],
    "one_wrong": lambda offsets: [*offsets[:3], offsets[3] + 2, *offsets[4:]],
    "zeros": lambda offsets: [0 for _ in offsets],
    "too_short": lambda offsets: offsets[:5],
    "too_long": lambda offsets: [*offsets, offsets[-1] + 8],
    "reversed": lambda offsets: offsets[::-1],
    "largest": lambda offsets: [0xFFFFFFFF for _ in offsets],
}
for name, change in TABLES.items():
    case(f"b19_table_{name}", edited(file(syntax=JPEG), table_edit(change)), ACCEPTED, note="bad_offset_table")
    case(
        f"b19_table_{name}_fragments",
        edited(file(syntax=JPEG, fragments=3), table_edit(change)),
        ACCEPTED,
        note="bad_offset_table",
    )
case("b19_no_table", file(syntax=JPEG, offset_table="none"), ACCEPTED)
case("b19_no_table_fragments", file(syntax=JPEG, offset_table="none", fragments=2), ACCEPTED)
case(
    "b19_ragged_table",
    edited(file(syntax=JPEG), lambda c: c.replace(struct.pack("<L", 48), struct.pack("<L", 46), 1) if False else c),
    ACCEPTED,
)

# B20: one frame is garbage.
for name, syntax in PACKED_FORMS.items():
    expected = (Reason.BAD_FRAME,) if name != "rle" else (Reason.BAD_FRAME, Reason.SIZE_MISMATCH)
    junk = lambda value: np.random.default_rng(20).integers(0, 250, len(value), np.uint8).tobytes()  # noqa: E731
    case(f"b20_garbage_frame_{name}", edited(file(syntax=syntax), frame_edit(4, junk)), *expected, Reason.FRAME_COUNT)
    case(
        f"b20_zero_frame_{name}",
        edited(file(syntax=syntax), frame_edit(4, lambda value: b"\0" * len(value))),
        *expected,
        Reason.FRAME_COUNT,
    )
case(
    "b20_jpeg_body_lost",
    edited(
        file(syntax=JPEG), frame_edit(4, lambda v: v[: len(v) // 2] + b"\xff\xd9" + b"\0" * (len(v) - len(v) // 2 - 2))
    ),
    Reason.BAD_FRAME,
)
case(
    "b20_jpeg_head_only",
    edited(file(syntax=JPEG), frame_edit(4, lambda v: v[:20] + b"\0" * (len(v) - 20))),
    Reason.BAD_FRAME,
)


def _without_end(value: bytes) -> bytes:
    at = value.rindex(b"\xff\xd9")
    return value[:at] + b"\0" * (len(value) - at)


case("b20_jpeg_without_end_marker", edited(file(syntax=JPEG), frame_edit(4, _without_end)), ACCEPTED)

case(
    "b19_odd_table",
    edited(
        file(syntax=JPEG),
        in_pixels(lambda head, pixels: head + pixels[:16] + b"\x06\0\0\0" + b"\0" * 6 + pixels[20 + 48 :]),
    ),
    ACCEPTED,
    note="bad_offset_table",
)

case(
    "b19_table_of_a_megabyte",
    edited(
        file(syntax=JPEG),
        in_pixels(
            lambda head, pixels: head + pixels[:16] + struct.pack("<L", 1 << 20) + b"\0" * (1 << 20) + pixels[20 + 48 :]
        ),
    ),
    Reason.BOMB,
)
case(
    "b19_260000_fragments",
    edited(
        file(syntax=JPEG), in_pixels(lambda head, pixels: head + pixels[:-8] + ITEM_OF_NOTHING * 260_000 + pixels[-8:])
    ),
    Reason.BOMB,
)

# B21: the size in the header is not the frames'.
for name, syntax in {"jpeg": JPEG, "jpeg_ls": JPEG_LS, "j2k": J2K_LOSSLESS, "lossless": JPEG_LOSSLESS_SV1}.items():
    case(f"b21_rows_{name}", tagged(syntax, Rows=118), Reason.SIZE_MISMATCH)
    case(f"b21_columns_{name}", tagged(syntax, Columns=200), Reason.SIZE_MISMATCH)
case("b21_rows_native", tagged(Rows=119), Reason.SIZE_MISMATCH, Reason.TRUNCATED_PIXELS, Reason.FRAME_COUNT)
case("b21_rows_rle", tagged(RLE, Rows=119), Reason.SIZE_MISMATCH, Reason.BAD_FRAME)


# B22: a transfer syntax that lies.
def relabelled(make: Make, old: str, new: str) -> Make:
    def edit(content: bytes) -> bytes:
        old_value, new_value = (uid.encode() + b"\0" * (len(uid) % 2) for uid in (old, new))
        length = struct.unpack("<L", content[140:144])[0] + len(new_value) - len(old_value)
        content = content[:140] + struct.pack("<L", length) + content[144:]
        return content.replace(
            struct.pack("<H", len(old_value)) + old_value, struct.pack("<H", len(new_value)) + new_value, 1
        )

    return edited(make, edit)


case("b22_jpeg_as_j2k", relabelled(file(syntax=JPEG), JPEG, J2K_LOSSLESS), ACCEPTED, note="transfer_syntax_mismatch")
case("b22_jpeg_as_jpeg_ls", relabelled(file(syntax=JPEG), JPEG, JPEG_LS), ACCEPTED, note="transfer_syntax_mismatch")
case("b22_jpeg_ls_as_jpeg", relabelled(file(syntax=JPEG_LS), JPEG_LS, JPEG), ACCEPTED, note="transfer_syntax_mismatch")
case("b22_jpeg_as_rle", relabelled(file(syntax=JPEG), JPEG, RLE), ACCEPTED, note="transfer_syntax_mismatch")
case("b22_jpeg_as_native", relabelled(file(syntax=JPEG), JPEG, EXPLICIT), ACCEPTED, note="transfer_syntax_mismatch")
case("b22_native_as_jpeg", relabelled(file(), EXPLICIT, JPEG), Reason.BAD_TAG)
case(
    "b22_explicit_as_implicit",
    relabelled(file(), EXPLICIT, IMPLICIT),
    ACCEPTED,
    Reason.CORRUPT_HEADER,
    Reason.NOT_AN_IMAGE,
    Reason.TRUNCATED,
)
case(
    "b22_implicit_as_explicit",
    relabelled(file(syntax=IMPLICIT), IMPLICIT, EXPLICIT),
    ACCEPTED,
    Reason.CORRUPT_HEADER,
    Reason.NOT_AN_IMAGE,
    Reason.TRUNCATED,
)

# B23: no decoder; a video label over single frames.
for name, uid in {"unknown": "1.2.3.4.5", "jpip": "1.2.840.10008.1.2.4.94", "smpte": "1.2.840.10008.1.2.7.1"}.items():
    case(f"b23_{name}", relabelled(file(syntax=JPEG), JPEG, uid), Reason.UNSUPPORTED_TRANSFER_SYNTAX)
case(
    "b23_frames_labelled_mpeg2",
    relabelled(file(syntax=JPEG), JPEG, "1.2.840.10008.1.2.4.100"),
    ACCEPTED,
    note="transfer_syntax_mismatch",
)
case(
    "b23_junk_labelled_mpeg2",
    relabelled(
        edited(file(syntax=RLE), frame_edit(0, lambda value: b"\1" * len(value))), RLE, "1.2.840.10008.1.2.4.100"
    ),
    *(Reason.UNSUPPORTED_TRANSFER_SYNTAX, Reason.BAD_FRAME, Reason.FRAME_COUNT),
)

# B24 to B26: colour labels and planes that lie.
case(
    "b24_ybr_label_on_rgb",
    lambda path: EchoFile(MOVIE, photometric="RGB", tags={"PhotometricInterpretation": "YBR_FULL"}).write(path),
    ACCEPTED,
    note="labelled_ybr_is_rgb",
)
case(
    "b24_rgb_label_on_ybr",
    lambda path: EchoFile(MOVIE, photometric="YBR_FULL", tags={"PhotometricInterpretation": "RGB"}).write(path),
    ACCEPTED,
    note="labelled_rgb_is_ybr",
)
case(
    "b25_rgb_label_on_ybr_jpeg",
    lambda path: EchoFile(MOVIE, JPEG, photometric="YBR_FULL_422", tags={"PhotometricInterpretation": "RGB"}).write(
        path
    ),
    ACCEPTED,
)
for photometric in ("RGB", "YBR_FULL"):
    for planar in (0, 1):
        case(
            f"b26_planar_{planar}_labelled_{1 - planar}_{photometric}",
            lambda path, photometric=photometric, planar=planar: EchoFile(
                MOVIE, photometric=photometric, planar=planar, tags={"PlanarConfiguration": 1 - planar}
            ).write(path),
            Reason.SUSPECT_PLANAR,
        )
        case(f"b26_planar_{planar}_{photometric}", file(photometric=photometric, planar=planar), ACCEPTED)
case(
    "b26_planar_missing",
    lambda path: EchoFile(MOVIE, photometric="RGB", tags={"PlanarConfiguration": None}).write(path),
    Reason.BAD_TAG,
)
case(
    "b26_planar_seven",
    lambda path: EchoFile(MOVIE, photometric="RGB", tags={"PlanarConfiguration": 7}).write(path),
    Reason.BAD_TAG,
)
case(
    "b26_planar_missing_jpeg",
    lambda path: EchoFile(MOVIE, JPEG, photometric="YBR_FULL_422", tags={"PlanarConfiguration": None}).write(path),
    ACCEPTED,
)

# B27, B28: tags that decide how pixels are read.
case(
    "b27_one_sample_of_rgb",
    lambda path: EchoFile(MOVIE, photometric="RGB", tags={"SamplesPerPixel": 1}).write(path),
    Reason.BAD_TAG,
)
case("b27_three_samples_of_grey", tagged(SamplesPerPixel=3), Reason.BAD_TAG)
case("b27_four_samples", tagged(SamplesPerPixel=4), Reason.BAD_TAG)
case("b27_no_samples", tagged(SamplesPerPixel=None), Reason.BAD_TAG)
case("b27_allocated_16", tagged(BitsAllocated=16), Reason.DEPTH, Reason.BAD_TAG)
case("b27_allocated_16_stored_16", tagged(BitsAllocated=16, BitsStored=16, HighBit=15), Reason.DEPTH)
case("b27_allocated_12", tagged(BitsAllocated=12), Reason.BAD_TAG)
case("b27_allocated_1", tagged(BitsAllocated=1, BitsStored=1, HighBit=0), Reason.BAD_TAG)
case("b27_allocated_missing", tagged(BitsAllocated=None), Reason.BAD_TAG)
case("b27_stored_9", tagged(BitsStored=9), Reason.BAD_TAG)
case("b27_stored_zero", tagged(BitsStored=0), Reason.BAD_TAG)
case("b27_signed", tagged(PixelRepresentation=1), Reason.BAD_TAG)
case(
    "b27_pairs_of_pixels_in_an_odd_row",
    lambda path: EchoFile(MOVIE, photometric="YBR_FULL_422", tags={"Columns": 159}).write(path),
    Reason.BAD_TAG,
)
case("b28_photometric_unknown", tagged(PhotometricInterpretation="SEPIA"), Reason.BAD_TAG)
case("b28_photometric_missing", tagged(PhotometricInterpretation=None), Reason.BAD_TAG)
case("b28_photometric_lower", tagged(PhotometricInterpretation="monochrome2"), ACCEPTED)
for keyword in ("Rows", "Columns"):
    case(f"b28_{keyword}_zero", tagged(**{keyword: 0}), Reason.BAD_TAG)
    case(f"b28_{keyword}_missing", tagged(**{keyword: None}), Reason.BAD_TAG)
case(
    "b28_palette_missing",
    lambda path: EchoFile(MOVIE, photometric="PALETTE COLOR", tags={"RedPaletteColorLookupTableData": None}).write(
        path
    ),
    Reason.BAD_TAG,
)
case(
    "b28_palette_short",
    lambda path: EchoFile(
        MOVIE, photometric="PALETTE COLOR", tags={"RedPaletteColorLookupTableData": b"\0\1\2\3"}
    ).write(path),
    Reason.BAD_TAG,
)

# B29: time.
case("b29_no_time", tagged(FrameTime=None, FrameIncrementPointer=None), Reason.NO_FRAME_RATE)
case("b29_frame_time_zero", tagged(FrameTime=0), Reason.NO_FRAME_RATE)
case("b29_cine_rate_zero", tagged(FrameTime=None, FrameIncrementPointer=None, CineRate=0), Reason.NO_FRAME_RATE)
case("b29_frame_time_zero_cine_rate", tagged(FrameTime=0, CineRate=30), ACCEPTED)
case("b29_frame_time_negative", tagged(FrameTime=-33), Reason.NO_FRAME_RATE)
case("b29_too_fast", tagged(FrameTime=1), Reason.BAD_FRAME_RATE)
case("b29_too_slow", tagged(FrameTime=1000), Reason.BAD_FRAME_RATE)
case(
    "b29_vector_of_zeros",
    tagged(FrameTime=None, FrameTimeVector=[0] * 12, FrameIncrementPointer=0x00181065),
    Reason.NO_FRAME_RATE,
)
case("b29_vector_too_short", tagged(FrameTimeVector=[0, 33], FrameIncrementPointer=0x00181065), ACCEPTED)
case("b29_pointer_to_nothing", tagged(FrameIncrementPointer=0x00540020), ACCEPTED)


# B30: nested too deep; B31: lengths beyond the file.
def _nested(depth: int) -> Make:
    def edit(content: bytes) -> bytes:
        meta, data = split_meta(content)
        deep = b""
        for _ in range(depth):
            item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + deep + b"\xfe\xff\x0d\xe0\0\0\0\0"
            deep = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
        at = data.index(b"\x08\x00\x60\x00CS")
        return meta + data[:at] + deep.replace(b"\x08\x00\x40\x11", b"\x08\x00\x51\x00") + data[at:]

    return edited(file(), edit)


case("b30_50_deep", _nested(50), ACCEPTED)
case("b30_200_deep", _nested(200), ACCEPTED)
case("b30_5000_deep", _nested(5000), Reason.TOO_DEEP)


# Headers that cost more than they say: read where no limit of time or memory holds.
def before(tag: bytes, element: bytes) -> Callable[[bytes], bytes]:
    """Put ``element`` before the element that begins with ``tag``."""

    def edit(content: bytes) -> bytes:
        at = content.index(tag)
        return content[:at] + element + content[at:]

    return edit


OPEN, ITEM, ITEM_END, SEQUENCE_END = (
    b"\xff\xff\xff\xff",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\x0d\xe0\0\0\0\0",
    b"\xfe\xff\xdd\xe0\0\0\0\0",
)
PRIVATE = b"\x09\x00\x10\x10"
REGIONS, VIEW_CODES = b"\x18\x00\x11\x60SQ\0\0", b"\x54\x00\x20\x02SQ\0\0"
STUDY, FRAMES = b"\x20\x00\x0d\x00UI", b"\x28\x00\x08\x00IS"
EMPTY_ITEMS = (ITEM + b"\0\0\0\0") * 100_000
case(
    "b31_21000_private_elements",
    edited(file(), before(b"\x10\x00\x20\x00LO", (PRIVATE + b"LO\0\0") * 21_000)),
    Reason.BOMB,
)
for name, sequence, place in (("regions", REGIONS, STUDY), ("view_codes", VIEW_CODES, b"\xe0\x7f\x10\x00OB")):
    case(
        f"b31_100000_{name}",
        edited(
            tagged(SequenceOfUltrasoundRegions=None),
            before(place, sequence + struct.pack("<L", len(EMPTY_ITEMS)) + EMPTY_ITEMS),
        ),
        Reason.BOMB,
    )
    case(
        f"b31_100000_{name}_of_undefined_length",
        edited(tagged(SequenceOfUltrasoundRegions=None), before(place, sequence + OPEN + EMPTY_ITEMS + SEQUENCE_END)),
        Reason.BOMB,
    )
case(
    "b31_private_sequence_of_16_mib",
    edited(
        file(),
        before(
            STUDY,
            PRIVATE + b"SQ\0\0" + OPEN + ITEM + OPEN
            + b"\x09\x00\x11\x10OB\0\0" + struct.pack("<L", 16 << 20) + b"\7" * (16 << 20)
            + ITEM_END + SEQUENCE_END,
        ),
    ),
    ACCEPTED,
)  # fmt: skip
case(
    "b31_private_sequence_without_its_end",
    edited(file(), before(STUDY, PRIVATE + b"SQ\0\0" + OPEN + ITEM + OPEN)),
    *(Reason.TRUNCATED, Reason.CORRUPT_HEADER),
)
case(
    "b31_private_sequence_without_the_end_of_its_item",
    edited(file(), before(STUDY, PRIVATE + b"SQ\0\0" + OPEN + ITEM + OPEN + STUDY + b"\2\0\x31\0" + SEQUENCE_END)),
    ACCEPTED,
)
case(
    "b31_meta_without_end",
    edited(file(), before(b"\x02\x00\x10\x00UI", (b"\x02\x00\x02\x01OB\0\0\0\0\0\0") * 100_000)),
    Reason.CORRUPT_HEADER,
)
case(
    "b31_text_of_a_megabyte",
    edited(file(), before(b"\x08\x00\x70\x00LO", b"\x08\x00\x3e\x10UT\0\0\0\0\x10\0" + b"A" * (1 << 20))),
    Reason.BOMB,
)


def long_element(length: int) -> Make:
    def edit(content: bytes) -> bytes:
        at = content.index(b"\x10\x00\x20\x00LO")
        return content[:at] + b"\x09\x00\x10\x10OB\0\0" + struct.pack("<L", length) + content[at:]

    return edited(file(), edit)


case("b31_element_of_4_gib", long_element(0xFFFFFFFE), Reason.TRUNCATED)
case(
    "b31_maker_of_4_gib",
    edited(
        file(syntax=IMPLICIT),
        lambda content: content.replace(b"\x08\0\x70\0\6\0\0\0", b"\x08\0\x70\0\xfe\xff\xff\xff"),
    ),
    Reason.TRUNCATED,
)
case("b31_element_past_end", long_element(1 << 24), Reason.TRUNCATED)
case(
    "b31_pixels_of_4_gib",
    edited(file(), in_pixels(lambda head, pixels: head + pixels[:8] + b"\xfe\xff\xff\xff" + pixels[12:])),
    Reason.TRUNCATED_PIXELS,
)
case(
    "b31_fragment_of_4_gib",
    edited(
        file(syntax=JPEG),
        in_pixels(
            lambda head, pixels: head + pixels[: 12 + 8 + 48 + 4] + b"\xfe\xff\xff\xff" + pixels[12 + 8 + 48 + 8 :]
        ),
    ),
    Reason.TRUNCATED_PIXELS,
)
case("b31_no_delimiter", edited(file(syntax=JPEG), lambda content: content[:-8]), ACCEPTED, note="no_delimiter")


def _stretched_vector(content: bytes) -> bytes:
    at = content.index(b"\x18\x00\x65\x10DS")
    return content[: at + 6] + b"\xff\xff" + content[at + 8 :]


case(
    "b31_vector_past_the_pixels",
    edited(tagged(FrameTimeVector=[0] + [33] * 11), _stretched_vector),
    *(Reason.TRUNCATED, Reason.CORRUPT_HEADER, Reason.NOT_AN_IMAGE, Reason.BAD_TAG, Reason.TRUNCATED_PIXELS),
)

# B33 to B36: identifiers, dates and text are never trusted and never paths.
case("b33_no_patient", tagged(PatientID=None), ACCEPTED)
case("b34_path_as_patient", tagged(PatientID="../../etc/passwd"), ACCEPTED)
case("b34_uid_with_spaces", tagged(StudyInstanceUID="1.2. 3 /../x"), ACCEPTED)
case("b34_no_sop_uid", tagged(SOPInstanceUID=""), Reason.CORRUPT_HEADER, Reason.BAD_TAG)
case("b35_impossible_date", tagged(StudyDate="20151340"), ACCEPTED)
case("b36_private_tags", tagged(ImageComments="Doe^Jane 1953-02-11"), ACCEPTED)

# B37: what is no cine loop of an adult heart.
case(
    "b37_still",
    lambda path: EchoFile(MOVIE[:1], tags={"SOPClassUID": STILL_CLASS, "NumberOfFrames": None}).write(path),
    Reason.STILL,
)
case("b37_one_frame_loop", lambda path: EchoFile(MOVIE[:1]).write(path), Reason.STILL)
case("b37_frozen", lambda path: EchoFile(np.repeat(MOVIE[:1], 12, axis=0)).write(path), Reason.STILL)
case("b37_black", lambda path: EchoFile(np.zeros_like(MOVIE)).write(path), Reason.STILL)
case(
    "b37_flicker",
    lambda path: EchoFile(np.stack([np.full((120, 160), 3 * (index % 2), np.uint8) for index in range(12)])).write(
        path
    ),
    Reason.STILL,
    Reason.NO_SECTOR,
)
case("b37_mr", tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR"), Reason.NOT_ULTRASOUND)
case("b37_us_modality_on_ct", tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT"), Reason.NOT_ULTRASOUND)
case("b37_xa", tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", Modality="XA"), Reason.NOT_ULTRASOUND)
case(
    "b37_report",
    tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", Modality="SR"),
    Reason.NOT_ULTRASOUND,
    Reason.NOT_AN_IMAGE,
)
case(
    "b37_presentation_state",
    tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1", Modality="PR"),
    Reason.NOT_ULTRASOUND,
    Reason.NOT_AN_IMAGE,
)
case("b37_volume", tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2"), Reason.VOLUME)
case("b37_retired_class", tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.3"), ACCEPTED)
case("b37_secondary_capture", tagged(SOPClassUID="1.2.840.10008.5.1.4.1.1.7.4"), ACCEPTED)
for examination in ("OBSTETRICAL", "ABDOMINAL", "FETAL HEART", "VASCULAR", "SMALL PARTS", "BREAST"):
    case(
        f"b37_{examination.replace(' ', '_').lower()}",
        tagged(ImageType=["ORIGINAL", "PRIMARY", examination]),
        Reason.NOT_CARDIAC,
    )
for examination in ("TTE", "CARDIOLOGY", "ADULT", "EPICARDIAL", "CHEST", ""):
    case(f"b37_kept_{examination.lower()}", tagged(ImageType=["DERIVED", "PRIMARY", examination, "0001"]), ACCEPTED)
for kind, spatial, reason in (("m_mode", 2, Reason.M_MODE), ("spectral", 3, Reason.SPECTRAL_DOPPLER)):
    recorded = region(0, 61, 159, 119, RegionSpatialFormat=spatial, RegionDataType=spatial)
    case(f"b37_{kind}_region", tagged(SequenceOfUltrasoundRegions=regions(recorded)), reason)
    # Beside a tissue region the picture decides, and it shows a live sector alone (tests/dicom/test_declared.py).
    beside = regions(region(0, 0, 159, 60), recorded)
    case(f"b37_{kind}_region_left_over", tagged(SequenceOfUltrasoundRegions=beside), ACCEPTED)
case(
    "b37_two_panels",
    tagged(SequenceOfUltrasoundRegions=regions(region(0, 0, 79, 119), region(80, 0, 159, 119))),
    Reason.DUAL_PANEL,
)
case(
    "b37_ecg_region",
    tagged(
        SequenceOfUltrasoundRegions=regions(
            region(0, 0, 159, 108), region(0, 108, 159, 119, RegionSpatialFormat=4, RegionDataType=10)
        )
    ),
    ACCEPTED,
)


def _blood(path: Path, bits: int = 0) -> Path:
    rgb = np.stack([to_colour(frame, "RGB") for frame in MOVIE]).copy()
    rgb[:, 50:80, 60:75] = (200, 30, 20)
    rgb[:, 50:80, 76:90] = (20, 40, 210)
    return EchoFile(rgb, photometric="RGB").write(path)


case("b37_colour_doppler", _blood, Reason.COLOUR_DOPPLER)


@pytest.mark.parametrize("name", CASES)
def test_every_object_ends_in_one_state_with_the_right_reason(name: str, tmp_path: Path) -> None:
    make, expected, note = CASES[name]
    path = make(tmp_path / "loop.dcm")
    try:
        outcome: Clip | Rejected = read_clip(path)
    except Rejected as rejected:
        outcome = rejected
    state = outcome.reason if isinstance(outcome, Rejected) else ACCEPTED
    assert state in expected
    if isinstance(outcome, Clip):
        assert outcome.pixels.shape == (60, 109, 150) and outcome.pixels.any()
        assert lit_outside_sector(outcome) == 0
        assert note is None or note in outcome.notes


@pytest.mark.parametrize("name", CASES)
def test_a_header_rejects_only_what_the_clip_rejects(name: str, tmp_path: Path) -> None:
    make, expected, _ = CASES[name]
    path = make(tmp_path / "loop.dcm")
    try:
        header = read_header(path)
    except Rejected as rejected:
        assert rejected.reason in expected
    else:
        assert header.frames > 1 and header.fps


@pytest.mark.parametrize("name", [name for name in CASES if "b31_" in name or "b30_" in name])
def test_a_header_costs_little_whatever_it_says(name: str, tmp_path: Path) -> None:
    path = CASES[name][0](tmp_path / "loop.dcm")
    begun = time.process_time()
    with contextlib.suppress(Rejected):
        read_header(path)
    assert time.process_time() - begun < 3
    tracemalloc.start()
    with contextlib.suppress(Rejected):
        read_header(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150

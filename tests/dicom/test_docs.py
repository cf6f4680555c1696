"""docs/imaging.md names every reason, every note and every view group."""

import re
from pathlib import Path

from echomort.dicom import Reason, view_groups

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "imaging.md").read_text()


def test_every_reason_is_documented_with_its_meaning() -> None:
    for reason in Reason:
        assert f"| `{reason.value}` | {reason.meaning} |" in PAGE


def test_every_view_group_is_documented() -> None:
    assert all(f"`{group}`" in PAGE for group in view_groups())


def test_every_note_is_documented() -> None:
    section = PAGE.split("## Notes")[1].split("##")[0]
    documented = {note.split(":")[0] for note in re.findall(r"`([a-z_]+(?::TAG)?)`", section)}
    sources = "".join(
        (ROOT / "echomort" / "dicom" / f"{name}.py").read_text() for name in ("header/parsing", "header/timing", "clip")
    )
    for note in documented:
        known = "".join(path.read_text() for path in (ROOT / "echomort" / "dicom").rglob("*.py"))
        assert f'"{note}' in known or f'f"{note}:' in known, note
    assert set(re.findall(r'f"(fps_[a-z_]+):', sources)) <= documented

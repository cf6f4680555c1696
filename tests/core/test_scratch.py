"""Scratch folders for child processes: gone with their block, and with the next run where a process was killed."""

import subprocess
import sys
from pathlib import Path

from echomort.core.files import remove_scratch, scratch_folder


def test_a_scratch_folder_goes_with_its_block(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "rows.json").write_text("[]")
        assert folder.parent == tmp_path and folder.name.startswith(".tmp_")
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_killed_process_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from echomort.core.files import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'rows.json').write_text('[]'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    with scratch_folder(tmp_path) as used:
        remove_scratch(tmp_path)
        assert not left.exists() and used.is_dir()

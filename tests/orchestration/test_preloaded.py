"""What every step of a run is forked from."""

import subprocess
import sys


def test_the_process_that_has_it_loaded_ends_without_a_word() -> None:
    command = [sys.executable, "-P", "-c", "import orchestration.preloaded"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")

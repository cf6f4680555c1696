"""Ctrl-C reaches every process of a terminal; those that copy a step's output go on until the step has ended."""

import signal
import sys
from pathlib import Path

from dagster._core.execution.compute_logs import mirror_stream_to_file

from orchestration.log_tails import undisturbed_tails


def blocked(pid: int | str) -> set[int]:
    """Return the signals that a process does not receive."""
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("SigBlk:")]
    mask = int(line.split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_ctrl_c_does_not_reach_the_processes_that_copy_output_and_still_reaches_the_run(tmp_path: Path) -> None:
    with undisturbed_tails(), mirror_stream_to_file(sys.__stdout__, str(tmp_path / "out")) as pids:
        assert len(pids) == 2
        assert all(signal.SIGINT in blocked(pid) and signal.SIGTERM not in blocked(pid) for pid in pids)
        assert signal.SIGINT not in blocked("self")
    with mirror_stream_to_file(sys.__stdout__, str(tmp_path / "out")) as pids:
        assert signal.SIGINT not in blocked(pids[0])

"""Files are read in child processes; whatever one does, the others come out."""

import os
import pickle
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from echo_files import EchoFile, KillsItsReader, sector_movie
from pebble import ProcessFuture

from echomort.core.errors import UserError
from echomort.dicom import Clip, Job, Reason, Rejected, discover, read_clip, read_clips
from echomort.dicom.workers import make_of_files
from echomort.settings import ClipSettings, Imaging


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("loops")
    return [EchoFile(sector_movie(12, seed=seed)).write(folder / f"{seed}.dcm") for seed in range(4)]


def outcomes(jobs: list[Job], imaging: Imaging | None = None, processes: int = 2) -> dict[str, Clip | Rejected]:
    return {job.key: outcome for job, outcome in read_clips(jobs, imaging or Imaging(), processes)}


def test_clips_are_the_same_as_in_process_whatever_the_order(loops: list[Path]) -> None:
    got = outcomes([Job(path, key=path.name) for path in loops])
    assert set(got) == {path.name for path in loops}
    for path in loops:
        outcome = got[path.name]
        assert isinstance(outcome, Clip)
        assert (outcome.pixels == read_clip(path).pixels).all()


def test_a_reader_that_dies_costs_its_own_file_only(loops: list[Path]) -> None:
    jobs = [Job(path, key=path.name) for path in loops]
    jobs.insert(1, Job(KillsItsReader(), key="killer"))  # type: ignore[arg-type]
    got = outcomes(jobs)
    killer = got.pop("killer")
    assert isinstance(killer, Rejected) and killer.reason is Reason.WORKER_DIED
    assert len(got) == 4 and all(isinstance(outcome, Clip) for outcome in got.values())


def die_once(job: Job, imaging: Imaging) -> str:
    """Kill this process where the file that the job's key names is not there yet."""
    mark = Path(job.key)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "made"


def test_a_file_whose_worker_something_else_killed_is_read_once_more(loops: list[Path], tmp_path: Path) -> None:
    """The system may kill a worker for the memory that another program took."""
    jobs = [Job(path, key=str(tmp_path / path.name)) for path in loops]
    assert [found for _, found in make_of_files(jobs, die_once, Imaging(), 2)] == ["made"] * 4


def reach(job: Job, imaging: Imaging) -> str:
    """Return whether a worker reaches the port that the job's key names."""
    try:
        with socket.create_connection(("127.0.0.1", int(job.key)), timeout=5):
            return "reached"
    except OSError:
        return "not reached"


def test_a_worker_has_no_network(loops: list[Path]) -> None:
    """What a decoder's fault lets a file do, it does without a way out."""
    code = "from echomort.core.isolation import leave_network; raise SystemExit(not leave_network())"
    if subprocess.run([sys.executable, "-c", code], check=False).returncode:
        pytest.skip("this system does not permit a process to leave the network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        job = Job(loops[0], key=str(server.getsockname()[1]))
        assert reach(job, Imaging()) == "reached"
        assert [found for _, found in make_of_files([job], reach, Imaging(), 1)] == ["not reached"]


@pytest.mark.slow
def test_a_pool_that_breaks_is_started_again_and_no_file_is_lost(
    loops: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pool breaks with every file in it."""
    from concurrent.futures.process import BrokenProcessPool

    from echomort.dicom import workers

    whole, broken = workers._outcome, []

    def break_once(future: ProcessFuture[Clip | Rejected]) -> Clip | Rejected | None:
        if len(broken) < 2:
            broken.append(future)
            raised: ProcessFuture[Clip | Rejected] = ProcessFuture()
            raised.set_exception(BrokenProcessPool())
            return whole(raised)
        return whole(future)

    monkeypatch.setattr(workers, "_outcome", break_once)
    got = outcomes([Job(path, key=path.name) for path in loops])
    assert len(broken) == 2 and len(got) == 4
    assert [isinstance(outcome, Clip) for outcome in got.values()].count(True) >= 3


def test_a_reader_who_stops_asking_leaves_no_process(loops: list[Path]) -> None:
    import multiprocessing

    before = set(multiprocessing.active_children())
    reading = read_clips([Job(path) for path in loops * 20], Imaging(), 2)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert set(multiprocessing.active_children()) <= before


def test_a_file_that_takes_too_long_is_given_up(loops: list[Path]) -> None:
    got = outcomes([Job(loops[0], key="slow")], Imaging(file_timeout=0.0001), processes=1)
    slow = got["slow"]
    assert isinstance(slow, Rejected) and slow.reason is Reason.TIMEOUT


def test_a_file_that_needs_too_much_memory_is_given_up(tmp_path: Path) -> None:
    """The frames of a deflated file are inflated within the limit of a small worker, or not at all."""
    import struct

    from echo_files import DEFLATED, EXPLICIT, deflate, split_meta

    path = EchoFile(sector_movie(12)).write(tmp_path / "large.dcm")
    meta, data = split_meta(path.read_bytes())
    old, new = EXPLICIT.encode() + b"\0", DEFLATED.encode()
    meta = meta.replace(struct.pack("<H", len(old)) + old, struct.pack("<H", len(new)) + new)
    meta = meta[:140] + struct.pack("<L", struct.unpack("<L", meta[140:144])[0] + len(new) - len(old)) + meta[144:]
    path.write_bytes(meta + deflate(data + b"\0" * (250 << 20)))
    got = outcomes([Job(path, key="large")], Imaging(worker_memory_gib=0.55), processes=1)
    large = got["large"]
    assert isinstance(large, Rejected) and large.reason in {Reason.OUT_OF_MEMORY, Reason.WORKER_DIED}


def test_plain_tuples_are_jobs_too(loops: list[Path]) -> None:
    ((job, outcome),) = read_clips([(loops[0], "apical_2")], Imaging(), 1)  # type: ignore[list-item]
    assert job == (loops[0], "apical_2")
    assert isinstance(outcome, Clip) and (outcome.view, outcome.view_source) == ("apical_2", "view_table")


def test_no_jobs_no_processes() -> None:
    assert list(read_clips([], Imaging(), 4)) == []


def test_settings_reach_the_children(loops: list[Path]) -> None:
    imaging = Imaging(clip=ClipSettings(frames=10, height=27, width=37, fps=15))
    clip = outcomes([Job(loops[0], key="one")], imaging)["one"]
    assert isinstance(clip, Clip) and clip.pixels.shape == (10, 27, 37)


def test_a_rejection_survives_the_way_between_processes() -> None:
    rejected = pickle.loads(pickle.dumps(Rejected(Reason.STILL, "detail")))  # noqa: S301 - our own, just made
    assert (rejected.reason, rejected.detail) == (Reason.STILL, "detail")


def test_discover_finds_regular_files_in_order(tmp_path: Path) -> None:
    inside = tmp_path / "archive"
    for name in ("b/2.dcm", "b/10", "a/1.dcm", ".hidden/x.dcm", "a/.part"):
        (inside / name).parent.mkdir(parents=True, exist_ok=True)
        (inside / name).write_bytes(b"x")
    (tmp_path / "secret.dcm").write_bytes(b"x")
    (inside / "a" / "out.dcm").symlink_to(tmp_path / "secret.dcm")
    (inside / "a" / "in.dcm").symlink_to(inside / "b" / "2.dcm")
    (inside / "loop").symlink_to(inside)
    (inside / "dangling").symlink_to(inside / "nothing")
    (inside / "circle").symlink_to(inside / "back")
    (inside / "back").symlink_to(inside / "circle")
    os.mkfifo(inside / "pipe")
    assert discover(inside) == ["a/1.dcm", "a/in.dcm", "b/10", "b/2.dcm"]


def test_discover_without_a_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sources\.dicom"):
        discover(tmp_path / "nowhere")


def test_whoever_stops_asking_leaves_no_process_and_no_complaint(
    loops: list[Path], recwarn: pytest.WarningsRecorder
) -> None:
    for jobs in ([Job(loops[0])], [Job(path, key=path.name) for path in loops]):
        reading = read_clips(jobs, Imaging(), 2)
        next(reading)
        reading.close()
    assert not recwarn.list


def test_a_script_without_a_guard_reads_clips_too(loops: list[Path], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from echomort.dicom import Job, read_clips\n"
        "from echomort.settings import Imaging\n"
        f"print([type(found).__name__ for _, found in read_clips([Job(Path({str(loops[0])!r}))], Imaging(), 1)])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['Clip']"

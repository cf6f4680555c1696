"""A real archive to talk to: Orthanc in a network namespace of its own, where nothing outside can reach it.

Orthanc 1.10 listens on every interface whatever it is told, so that it, and whoever talks to it, run behind
``unshare -n`` with loopback up. ``python orthanc_peer.py TALK FOLDER FILE...`` runs one of the ``TALKS`` there and
prints what was seen as JSON; the tests judge it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HTTP, DICOM, OURS = 18042, 14242, 11112
ROOT = f"http://127.0.0.1:{HTTP}"
NEEDED = ("Orthanc", "storescu", "unshare", "ip")
ALONE = ("-n", "-p", "--fork", "--kill-child")
"""A network and processes of its own: when it ends, whatever was started in it ends."""

SYSTEM = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
"""Where dcmtk's programs are: an activated environment holds others of the same names, pynetdicom's."""

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def why_not() -> str | None:
    """Say why the conversation can't be held here, or None."""
    missing = [name for name in NEEDED if shutil.which(name, path=SYSTEM) is None]
    if missing or not PLUGIN.exists():
        return f"needs Debian's orthanc, orthanc-dicomweb and dcmtk (missing: {', '.join(missing) or PLUGIN.name})"
    alone = subprocess.run(["unshare", *ALONE, "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return None if alone.returncode == 0 else "needs a network namespace of its own (unshare -n, as root)"


def converse(folder: Path, files: list[Path], talk: str = "sources") -> dict[str, Any]:
    """Hold the conversation about ``files`` in a namespace of its own; return what was seen."""
    command = f'ip link set lo up && exec "{sys.executable}" "{__file__}" {talk} "{folder}" "$@"'
    done = subprocess.run(
        ["unshare", *ALONE, "bash", "-c", command, "orthanc", *map(str, files)],
        env=os.environ | {"PATH": SYSTEM},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"the conversation broke off:\n{done.stdout}\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextlib.contextmanager
def orthanc(folder: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run Orthanc on a storage of its own, with ``more`` settings, until the block ends."""
    settings = {
        "Name": "peer",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": HTTP,
        "DicomPort": DICOM,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(PLUGIN.parent)],
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "DicomModalities": {"echomort": ["ECHOMORT", "127.0.0.1", OURS]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    } | more
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        running = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        _wait_for(ROOT + "/system")
        yield running
    finally:
        running.terminate()
        running.wait(timeout=20)


def _wait_for(url: str) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("Orthanc did not start")


def _ask(path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(ROOT + path, data), timeout=60) as answer:
        return json.loads(answer.read())


def _pixels(folder: Path) -> dict[str, list[str]]:
    """SOP UID -> transfer syntax and digest of the pixel data's bytes, of each file under ``folder``."""
    import hashlib

    from pydicom import dcmread

    seen = {}
    for path in sorted(folder.rglob("*.dcm")):
        if path.is_file():
            found = dcmread(path)
            syntax, digest = found.file_meta.TransferSyntaxUID, hashlib.sha256(found.PixelData).hexdigest()
            seen[str(found.SOPInstanceUID)] = [str(syntax), digest]
    return seen


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.dcm") if path.is_file())


def _conversation(folder: Path, files: list[Path]) -> dict[str, Any]:
    from echomort.sources.dicomweb import Query, fetch
    from echomort.sources.receiver import Station, receiving
    from echomort.sources.retry import Patience

    seen: dict[str, Any] = {}
    with orthanc(folder / "peer"):
        sent = subprocess.run(
            ["storescu", "-aec", "ORTHANC", "-xy", "127.0.0.1", str(DICOM), *map(str, files)], check=False
        )
        seen["stored"] = [sent.returncode, len(_ask("/instances"))]
        web, station = folder / "web", Station(OURS)
        seen["fetched"] = vars(fetch(ROOT + "/dicom-web", web, Query()))
        seen["fetched_pixels"], seen["fetched_names"] = _pixels(web), _names(web)
        seen["fetched_again"] = vars(fetch(ROOT + "/dicom-web", web, Query()))
        seen["fetched_none"] = vars(fetch(ROOT + "/dicom-web", web / "none", Query(since=_far_day())))
        with receiving(folder / "in", station):
            _ask("/modalities/echomort/store", _ask("/instances"))
            echo = subprocess.run(["echoscu", "-aec", "ECHOMORT", "127.0.0.1", str(OURS)], check=False)
            seen["echo"] = echo.returncode
        seen["received_pixels"], seen["received_names"] = _pixels(folder / "in"), _names(folder / "in")
        with receiving(folder / "scu", station):
            scu = subprocess.run(
                ["storescu", "-aec", "ECHOMORT", "-xy", "127.0.0.1", str(OURS), *map(str, files)], check=False
            )
        seen["scu"], seen["scu_pixels"] = scu.returncode, _pixels(folder / "scu")
        with receiving(folder / "cut", station):
            seen["cut"] = _cut_on_the_way(files[0])
            time.sleep(0.5)
        seen["cut_names"] = _names(folder / "cut") if (folder / "cut").exists() else []
        seen |= _moves(folder)
    with orthanc(folder / "peer", LimitFindResults=2):
        seen["moved_cut"] = _move(folder / "cut_lists")
    seen["down"] = _told(lambda: fetch(ROOT + "/dicom-web", folder / "down", Query(), patience=Patience(3, 0.01)))
    seen["down_names"] = _names(folder / "down") if (folder / "down").exists() else []
    return seen


def _moves(folder: Path) -> dict[str, Any]:
    """Retrieve by C-MOVE what Orthanc holds: all, again, under a title that it does not know, and at a wrong port."""
    seen = {
        "moved_early": _move(folder / "moved", minutes=30),
        "moved": _move(folder / "moved"),
        "moved_again": _move(folder / "moved"),
        "moved_unknown": _move(folder / "unknown", title="STRANGER"),
        "moved_elsewhere": _move(folder / "elsewhere", port=OURS + 1),
    }
    return seen | {"moved_pixels": _pixels(folder / "moved"), "moved_names": _names(folder / "moved")}


def _move(into: Path, minutes: int = 0, title: str = "ECHOMORT", port: int = OURS) -> dict[str, Any]:
    from datetime import date

    from echomort.core.errors import UserError
    from echomort.sources.association import Archive
    from echomort.sources.discovery import StudyQuery
    from echomort.sources.receiver import Station
    from echomort.sources.retrieval import retrieve
    from echomort.sources.retry import Patience
    from echomort.sources.stability import Looks

    archive, query = Archive("127.0.0.1", DICOM, "ORTHANC", title), StudyQuery(date(2016, 5, 1), date(2016, 5, 28))
    try:
        return vars(retrieve(archive, query, Looks(into, minutes), Station(port, title), patience=Patience(2, 0.01)))
    except UserError as error:
        return {"error": str(error)}


def _results(folder: Path, files: list[Path]) -> dict[str, Any]:
    """Send results both ways and twice; what Orthanc then holds is written to ``folder``."""
    from pydicom import dcmread

    from echomort.pacs.sending import send_by_store, send_by_stow
    from echomort.sources.association import Archive
    from echomort.sources.retry import Patience

    objects, ours, haste = [dcmread(file) for file in files], Archive("127.0.0.1", DICOM, "ORTHANC"), Patience(2, 0.01)
    seen: dict[str, Any] = {}
    with orthanc(folder / "peer"):
        for name in ("first", "again"):
            seen[f"store_{name}"] = vars(send_by_store(objects[:1], ours, haste))
            seen[f"web_{name}"] = vars(send_by_stow(objects, ROOT + "/dicom-web", haste))
            seen[f"held_{name}"] = len(_ask("/instances"))
        seen["studies"], seen["patients"] = len(_ask("/studies")), len(_ask("/patients"))
        for each in _ask("/instances"):
            with urllib.request.urlopen(f"{ROOT}/instances/{each}/file", timeout=60) as answer:
                (folder / f"{each}.dcm").write_bytes(answer.read())
    seen["store_down"] = vars(send_by_store(objects, ours, haste))
    seen["web_down"] = vars(send_by_stow(objects, ROOT + "/dicom-web", haste))
    return seen


def _cut_on_the_way(file: Path) -> int:
    """Send through a line that goes dead after 200 kB; return storescu's status."""
    with _line_that_dies(200_000) as port:
        return subprocess.run(
            ["storescu", "-aec", "ECHOMORT", "-xy", "127.0.0.1", str(port), str(file)], check=False
        ).returncode


@contextlib.contextmanager
def _line_that_dies(after: int) -> Iterator[int]:
    """Forward to our receiver from a port of its own, and hang up once so many bytes went over."""

    def forward(near: socket.socket) -> None:
        caller, _ = near.accept()
        with caller, socket.create_connection(("127.0.0.1", OURS)) as ours:
            back = threading.Thread(target=_pour, args=(ours, caller, 1 << 30), daemon=True)
            back.start()
            _pour(caller, ours, after)
            for end in (caller, ours):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as near:
        threading.Thread(target=forward, args=(near,), daemon=True).start()
        yield near.getsockname()[1]


def _pour(source: socket.socket, target: socket.socket, limit: int) -> None:
    with contextlib.suppress(OSError):
        while limit > 0 and (data := source.recv(min(limit, 65536))):
            target.sendall(data)
            limit -= len(data)


def _told(action: Any) -> str:
    from echomort.core.errors import UserError

    try:
        action()
    except UserError as error:
        return str(error)
    return ""


def _far_day() -> Any:
    from datetime import date

    return date(2999, 1, 1)


TALKS = {"sources": _conversation, "results": _results}

if __name__ == "__main__":
    os.environ.pop("ECHOMORT_DICOMWEB_AUTHORIZATION", None)
    sys.stdout.flush()
    print(json.dumps(TALKS[sys.argv[1]](Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])))  # noqa: T201

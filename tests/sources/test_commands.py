"""``echomort fetch`` and ``echomort receive``, as a person starts them."""

import functools
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from echo_files import JPEG, EchoFile
from pydicom import dcmread

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

from pynetdicom import AE

COMMAND = [sys.executable, "-m", "orchestration.cli"]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def background(monkeypatch):
    """Let commands start as a script's background commands do: with SIGINT ignored."""
    monkeypatch.setattr(subprocess, "Popen", functools.partial(subprocess.Popen, preexec_fn=_ignore_interrupts))


def _ignore_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.usefixtures("background")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_receive_runs_until_it_is_told_to_end(tmp_path, ending):
    loop = dcmread(EchoFile(syntax=JPEG, photometric="YBR_FULL_422").write(tmp_path / "a.dcm"))
    port = _free_port()
    options = ["--to", str(tmp_path / "in"), "--port", str(port)]
    with subprocess.Popen([*COMMAND, "receive", *options], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert f"listens on 127.0.0.1:{port}" in running.stdout.readline()
            entity = AE(ae_title="SCANNER")
            entity.add_requested_context(loop.SOPClassUID, JPEG)
            association = entity.associate("127.0.0.1", port, ae_title="ECHOMORT")
            assert association.send_c_store(loop).Status == 0
            association.release()
            running.send_signal(ending)
            said, _ = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.wait() == 0
    assert "1 new, 0 replaced, 0 there already" in said
    assert len(list((tmp_path / "in").rglob("*.dcm"))) == 1


class _Refusing(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.send_error(403 if "closed" in self.path else 404)


@pytest.mark.parametrize(("path", "said"), [("closed", "ECHOMORT_DICOMWEB_AUTHORIZATION"), ("none", "status 404")])
def test_fetch_says_in_one_line_what_is_wrong(tmp_path, path, said):
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{path}"
    done = subprocess.run(
        [*COMMAND, "fetch", "dicomweb", url, "--to", str(tmp_path / "in")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"no_proxy": "*"},
    )
    server.shutdown()
    server.server_close()
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "in").exists()


def test_without_the_extra_a_person_is_told_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['dicomweb_client'] = None; sys.modules['pynetdicom'] = None\n"
        "from orchestration.cli.__main__ import main\n"
        "main()"
    )
    for words, extra in (
        (["fetch", "dicomweb", "http://127.0.0.1/x"], "dicomweb"),
        (["fetch", "pacs", "127.0.0.1:104/A", "--study", "1.2"], "receiver"),
        (["receive"], "receiver"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--to", str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f"echomort[{extra}]" in done.stderr

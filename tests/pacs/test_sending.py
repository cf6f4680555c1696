"""Results on their way to an archive: what is refused, what passes, what is counted."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydicom import Dataset

pytest.importorskip("highdicom")
pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

from pynetdicom import AE, evt

from echomort.core.audit import read_log
from echomort.core.errors import UserError
from echomort.pacs.sending import send_by_store, send_by_stow
from echomort.sources.association import Archive
from echomort.sources.dicomweb import AUTHORIZATION
from echomort.sources.retry import Patience

REPORT, PAGE = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.104.1"
HASTE = Patience(attempts=3, sleep=lambda seconds: None)


def an_object(sop_class, number):
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID, one.PatientID = sop_class, f"1.2.3.{number}", "CANARY"
    one.ensure_file_meta()
    one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = sop_class, f"1.2.3.{number}"
    return one


OBJECTS = [an_object(REPORT, 1), an_object(PAGE, 2), an_object(REPORT, 3)]


@contextlib.contextmanager
def archive_that(answers=(), classes=(REPORT, PAGE), known=("ECHOMORT",), asked=None):
    """A C-STORE receiver on this machine that answers with ``answers`` one after another, and then takes all."""
    plan, asked = list(answers), asked if asked is not None else []

    def store(event):
        asked.append(event.dataset)
        return plan.pop(0) if plan else 0

    entity = AE(ae_title="ARCHIVE")
    for sop_class in classes:
        entity.add_supported_context(sop_class)
    entity.require_called_aet = True
    entity.require_calling_aet = list(known)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield server.socket.getsockname()[1]
    finally:
        entity.shutdown()


def store(port, title="ARCHIVE", ours="ECHOMORT", objects=OBJECTS):
    sent = send_by_store(objects, Archive("127.0.0.1", port, title, ours), HASTE)
    return (sent.sent, sent.failed, sent.problem)


def test_an_archive_gets_every_object_as_it_is():
    asked = []
    with archive_that(asked=asked) as port:
        assert store(port) == (3, 0, "")
    assert asked == [Dataset(one) for one in OBJECTS]


def test_no_room_is_tried_again_and_then_ends_it():
    asked = []
    with archive_that([0xA700, 0xA702], asked=asked) as port:
        assert store(port) == (3, 0, "")
    assert len(asked) == 5
    with archive_that([0, *[0xA700] * 3]) as port:
        sent, failed, problem = store(port)
    assert (sent, failed) == (1, 2) and problem == "the archive has no room (OutOfResources)"


def test_an_object_that_is_refused_is_counted_and_the_others_are_sent():
    with archive_that([0, 0xC000, 0xB000]) as port:
        assert store(port) == (2, 1, "the archive refuses an object with status C000H")
    with archive_that(classes=(REPORT,)) as port:
        assert store(port) == (2, 1, "the archive does not take this kind of object")
    with archive_that(classes=("1.2.840.10008.1.1",)) as port:
        assert store(port) == (0, 3, "the archive takes neither of these objects")


def test_a_refused_association_says_which_name_is_unknown():
    with archive_that() as port:
        assert store(port, title="NOBODY") == (0, 3, "the archive knows no application entity 'NOBODY'")
        assert store(port, ours="STRANGER") == (0, 3, "the archive does not know us as 'STRANGER'")


def test_an_archive_that_is_not_there_is_one_line():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sent, failed, problem = store(port)
    assert (sent, failed) == (0, 3) and problem == "the archive can't be reached (NoAssociation)"


@pytest.mark.parametrize(
    "text", ["pacs", "pacs:11112", "pacs:0/A", "pacs:x/A", "pacs:99999/A", ":104/A", "pacs:104/" + 17 * "A"]
)
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="HOST:PORT/AET"):
        Archive.parse(text, "ECHOMORT")


def test_an_address_is_read():
    assert Archive.parse("pacs.hospital:11112/ARCHIVE", "US") == Archive("pacs.hospital", 11112, "ARCHIVE", "US")
    assert Archive.parse("[::1]:104/A", "US").host == "::1"


class _Web(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        self.server.headers_seen.append(dict(self.headers))
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.plan.pop(0) if self.server.plan else 200
        body = b'{"00081198": {"vr": "SQ", "Value": [{}]}}' if status == 202 else b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    server.plan, server.headers_seen, server.bodies = [], [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("plan", "sent", "failed", "problem"),
    [
        ([], 3, 0, ""),
        ([503, 429], 3, 0, ""),
        ([200, 503, 503, 503], 1, 2, "the DICOMweb server keeps failing"),
        ([409], 2, 1, "the DICOMweb server answers with status 409"),
        ([202], 2, 1, "the DICOMweb server refuses an object"),
        ([401], 0, 3, "the DICOMweb server refuses access (401)"),
    ],
)
def test_a_web_server_gets_every_object_or_the_reason_is_said(web, plan, sent, failed, problem, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv(AUTHORIZATION, "Bearer abc")
    web.plan = plan.copy()
    told = send_by_stow(OBJECTS, f"http://127.0.0.1:{web.server_port}/dicom-web", HASTE)
    assert (told.sent, told.failed) == (sent, failed) and told.problem.startswith(problem)
    assert all(each["Authorization"] == "Bearer abc" for each in web.headers_seen)
    if not plan:
        assert [body.count(b"CANARY") for body in web.bodies] == [1, 1, 1]


def test_the_command_sends_counts_and_notes(home, study, web):
    asked = []
    url = f"http://127.0.0.1:{web.server_port}/dicom-web"
    with archive_that(asked=asked) as port:
        words = ["result", str(study), "--send-to", f"127.0.0.1:{port}/ARCHIVE", "--dicomweb", url]
        said = home.here(*words, no_proxy="*")
    assert (said.status, said.stderr) == (0, "")
    assert {str(one.PatientID) for one in asked} == {"CANARY-7731"} and len(web.bodies) == 2
    done = read_log(home.root)[-1]
    assert done["command"] == "result --send-to --dicomweb"
    assert (done["counts"]["sent"], done["counts"]["not_sent"]) == (4, 0)
    with archive_that([0xC000]) as port:
        said = home.here("result", str(study), "--send-to", f"127.0.0.1:{port}/ARCHIVE")
    assert said.status == 2 and "1 objects sent, 1 not sent" in said.stdout
    problem = "1 of 2 objects were not sent: the archive refuses an object with status C000H: ask its administrator why"
    assert said.stderr == f"echomort: {problem}\n"
    done = read_log(home.root)[-1]
    assert done["event"] == "failed" and (done["counts"]["sent"], done["counts"]["not_sent"]) == (1, 1)


def test_files_for_tls_that_nothing_would_use_are_refused(home, study, tmp_path):
    for way in (["--save", str(tmp_path / "results")], ["--dicomweb", "https://pacs.example/dicom-web"]):
        said = home.here("result", str(study), *way, "--tls-ca", "ca.pem")
        assert said.status == 2 and "have no meaning without --send-to" in said.stderr

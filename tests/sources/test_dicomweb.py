import contextlib
import json
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from echo_files import JPEG, EchoFile
from pydicom import dcmread
from pydicom.uid import generate_uid

from echomort.core.errors import UserError
from echomort.core.listing import list_files
from echomort.sources.retry import Patience
from echomort.sources.stability import Looks

pytest.importorskip("dicomweb_client")

from echomort.sources.dicomweb import AUTHORIZATION, Query, fetch

WAITS: list[float] = []
PATIENCE = Patience(attempts=4, sleep=WAITS.append)
STUDY, SERIES = "1.2.3", "1.2.3.4"


class _Pacs(ThreadingHTTPServer):
    """A small DICOMweb server that can be told to fail: each plan is a list of what to do with the next answers."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = files
        self.plan, self.asked, self.headers_seen = [], [], []
        self.says, self.studies = None, [STUDY]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/dicom-web"


class _Answer(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        where = urlsplit(self.path)
        self.server.asked.append(self.path)
        self.server.headers_seen.append(dict(self.headers))
        parts = where.path.removeprefix("/dicom-web/").split("/")
        is_object = len(parts) == 6
        fault = self.server.plan.pop(0) if self.server.plan and (is_object or self.server.plan[0] == 401) else 200
        if isinstance(fault, int) and fault != 200:
            self.send_error(fault)
        elif is_object:
            self._send_object(self.server.files[parts[5]], fault)
        else:
            self._send_found(parts, parse_qs(where.query))

    def _send_found(self, parts, asked):
        tag = {1: "0020000D", 3: "0020000E", 5: "00080018"}[len(parts)]
        if self.server.says is not None:
            return self._send("application/dicom+json", self.server.says)
        values = {1: self.server.studies, 3: [SERIES], 5: sorted(self.server.files)}[len(parts)]
        start = int(asked.get("offset", ["0"])[0])
        page = values[start : start + int(asked["limit"][0])]
        body = json.dumps([{tag: {"vr": "UI", "Value": [value]}} for value in page]).encode()
        return self._send("application/dicom+json", body)

    def _send_object(self, content, fault):
        body = b"--cut\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--cut--"
        kind = 'multipart/related; type="application/dicom"; boundary=cut'
        if fault == "cut":
            self._send(kind, body[: len(body) // 2], len(body))
        elif fault == "cut and silent":  # no length, the line just ends: what HTTP alone can't tell from the whole
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
        elif fault == "another":
            self._send(kind, body.replace(content, next(c for c in self.server.files.values() if c != content)))
        elif fault == "rubbish":
            self._send(kind, body.replace(content, b"<html>sorry</html>"))
        else:
            self._send(kind, body)

    def _send(self, kind, body, length=None):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def pacs(tmp_path):
    files = {}
    for number in range(3):
        uid = generate_uid()
        loop = EchoFile(syntax=JPEG, photometric="YBR_FULL_422", tags={"SOPInstanceUID": uid})
        files[uid] = loop.write(tmp_path / f"stored{number}.dcm").read_bytes()
    server = _Pacs(files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    WAITS.clear()
    yield server
    server.shutdown()
    server.server_close()


def _held(folder):
    with contextlib.suppress(UserError):
        return {dcmread(folder / file.path).SOPInstanceUID: folder / file.path for file in list_files(folder, "to")}
    return {}


def _fetch(pacs, folder, query=Query()):  # noqa: B008 - a frozen value
    return fetch(pacs.url, folder, query, patience=PATIENCE)


def test_objects_come_as_they_are_stored_and_once(pacs, tmp_path):
    assert _fetch(pacs, tmp_path / "in").new == 3
    for uid, path in _held(tmp_path / "in").items():
        assert path.read_bytes() == pacs.files[uid]
    assert any("transfer-syntax=*" in headers.get("Accept", "") for headers in pacs.headers_seen)
    pacs.asked.clear()
    again = _fetch(pacs, tmp_path / "in")
    assert (again.new, again.there) == (0, 3)
    assert not [path for path in pacs.asked if path.count("/") == 7]
    assert _fetch(pacs, tmp_path / "in", Query(again=True)).there == 3


def test_only_ultrasound_of_the_studies_wanted_is_asked_for(pacs, tmp_path):
    _fetch(pacs, tmp_path / "in", Query(since=date(2020, 1, 2)))
    assert "ModalitiesInStudy=US" in pacs.asked[0]
    assert "StudyDate=20200102-" in pacs.asked[0]
    assert "Modality=US" in pacs.asked[1]
    pacs.asked.clear()
    _fetch(pacs, tmp_path / "in", Query(studies=("1.2.3",)))
    assert pacs.asked[0].startswith("/dicom-web/studies/1.2.3/series")


def test_a_study_is_fetched_once_it_is_stable_where_that_is_asked_for(pacs, tmp_path):
    def look(minute):
        looks = Looks(tmp_path / "in", 30, lambda: 60.0 * minute)
        found = fetch(pacs.url, tmp_path / "in", Query(), patience=PATIENCE, looks=looks)
        return found.new, found.there, found.unstable

    late = pacs.files.popitem()
    assert look(0) == (0, 0, 1)
    pacs.files.update([late])
    assert [look(30), look(59), look(60), look(61)] == [(0, 0, 1), (0, 0, 1), (3, 0, 0), (0, 3, 0)]


@pytest.mark.parametrize("fault", [500, 503, 429, "cut", "cut and silent"])
def test_a_passing_failure_is_waited_for_longer_each_time(pacs, tmp_path, fault):
    pacs.plan = [fault, fault]
    assert _fetch(pacs, tmp_path / "in").new == 3
    assert all(path.read_bytes() == pacs.files[uid] for uid, path in _held(tmp_path / "in").items())
    assert len(WAITS) == 2
    assert WAITS[1] > WAITS[0]


@pytest.mark.parametrize("fault", [500, "cut", "cut and silent"])
def test_a_server_that_stays_broken_is_one_line_and_leaves_nothing_half_written(pacs, tmp_path, fault):
    pacs.plan = [fault] * 100
    with pytest.raises(UserError) as told:
        _fetch(pacs, tmp_path / "in")
    assert "try again later" in str(told.value)
    assert not any(identifier in str(told.value) for identifier in (STUDY, *pacs.files))
    assert [path for path in tmp_path.glob("in/**/*") if path.is_file()] == []
    pacs.plan = []
    assert _fetch(pacs, tmp_path / "in").new == 3


@pytest.mark.parametrize("fault", [404, "another", "rubbish"])
def test_an_object_that_can_not_be_had_is_counted_and_costs_no_other_anything(pacs, tmp_path, fault):
    pacs.plan = [fault]
    found = _fetch(pacs, tmp_path / "in")
    assert (found.new, found.failed) == (2, 1)
    assert WAITS == []
    assert _fetch(pacs, tmp_path / "in").new == 1


def test_a_refusal_is_said_at_once_and_the_secret_comes_from_the_environment(pacs, tmp_path, monkeypatch):
    pacs.plan = [401]
    with pytest.raises(UserError, match=AUTHORIZATION):
        _fetch(pacs, tmp_path / "in")
    assert WAITS == []
    pacs.plan = []
    monkeypatch.setenv(AUTHORIZATION, "Bearer s3cret")
    _fetch(pacs, tmp_path / "in")
    assert pacs.headers_seen[-1]["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("url", ["ftp://host/x", "nonsense"])
def test_what_is_no_address_is_said(tmp_path, url):
    with pytest.raises(UserError, match="address"):
        fetch(url, tmp_path, Query(), patience=PATIENCE)


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match="keeps failing"):
        fetch("http://127.0.0.1:9/dicom-web", tmp_path, Query(), patience=PATIENCE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "says",
    [
        b"[1, 2]",
        b'[{"0020000D": 5}]',
        b'[{"0020000D": {"vr": "UI", "Value": 5}}]',
        b"[" * 100_000,
        b"<html>sign in</html>",
    ],
    ids=["numbers", "no_attribute", "no_values", "nested", "page"],
)
def test_an_answer_that_is_no_dicomweb_is_one_line(pacs, tmp_path, says):
    pacs.says = says
    with pytest.raises(UserError, match="not DICOMweb"):
        _fetch(pacs, tmp_path / "in")


def test_a_uid_that_leads_elsewhere_is_counted_and_costs_no_other_anything(pacs, tmp_path):
    pacs.studies = ["../../admin", "..", STUDY]
    found = _fetch(pacs, tmp_path / "in")
    assert (found.new, found.failed) == (3, 2)
    assert not any("admin" in asked or ".." in asked for asked in pacs.asked)

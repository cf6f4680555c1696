"""TLS with an archive: each side shows a certificate of the authority it shares, or nothing is sent."""

import contextlib
import socket
import subprocess

import pytest
from echo_files import EchoFile
from pydicom import dcmread

from echomort.core.errors import UserError

pytest.importorskip("pynetdicom")

from echomort.pacs.sending import send_by_store
from echomort.sources.association import Archive
from echomort.sources.receiver import Station, receiving
from echomort.sources.retry import Patience
from echomort.sources.tls import Certificates

HASTE = Patience(attempts=2, sleep=lambda seconds: None)


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _authority(folder, name):
    """Make an authority, and a certificate of it for this machine."""
    _openssl(folder, *_new(f"{name}-ca"), "-x509", "-addext", "keyUsage=keyCertSign", "-out", f"{name}-ca.pem")
    _openssl(folder, *_new(name), "-out", f"{name}.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1", encoding="utf-8")
    signed = ["-CA", f"{name}-ca.pem", "-CAkey", f"{name}-ca.key", "-CAcreateserial", "-extfile", "names"]
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")


def _new(name):
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    return ["req", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    _authority(folder, "ours")
    _authority(folder, "theirs")
    return folder


def _certificates(files, trusted="ours", shown="ours"):
    return Certificates.of(files / f"{trusted}-ca.pem", files / f"{shown}.pem", files / f"{shown}.key")


def _sent(tmp_path, address, certificates, host="127.0.0.1"):
    loop = dcmread(EchoFile().write(tmp_path / "loop.dcm"))
    archive = Archive(host, address[1], "ECHOMORT", "SCANNER", certificates)
    return send_by_store([loop], archive, HASTE)


def test_an_object_is_sent_and_received_by_tls(files, tmp_path):
    with receiving(tmp_path / "in", Station(0, certificates=_certificates(files))) as address:
        assert _sent(tmp_path, address, _certificates(files)).sent == 1
    assert len([path for path in (tmp_path / "in").rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    ("trusted", "shown", "host", "problem"),
    [
        ("theirs", "ours", "127.0.0.1", "its certificate is not accepted"),
        ("ours", "ours", "localhost", "Hostname mismatch"),
        ("ours", "theirs", "127.0.0.1", "it does not accept our certificate"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_said_and_nothing_is_sent(files, tmp_path, trusted, shown, host, problem):
    with receiving(tmp_path / "in", Station(0, certificates=_certificates(files))) as address:
        sent = _sent(tmp_path, address, _certificates(files, trusted, shown), host)
    assert (sent.sent, sent.failed) == (0, 1)
    assert problem in sent.problem
    assert not list((tmp_path / "in").glob("*"))


def test_who_speaks_no_tls_sends_nothing(files, tmp_path):
    with receiving(tmp_path / "in", Station(0, certificates=_certificates(files))) as address:
        assert _sent(tmp_path, address, None).sent == 0


def test_an_archive_without_tls_is_said(files, tmp_path):
    with receiving(tmp_path / "in", Station(0)) as address:
        assert "speaks no TLS" in _sent(tmp_path, address, _certificates(files)).problem


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # pynetdicom, at its end
def test_a_caller_that_is_silent_keeps_nobody_out(files, tmp_path):
    listening = receiving(tmp_path / "in", Station(0, certificates=_certificates(files)))
    with listening as address, contextlib.closing(socket.create_connection(address)):
        assert _sent(tmp_path, address, _certificates(files)).sent == 1


def test_files_that_can_not_be_used_are_said(files):
    ours = [files / "ours-ca.pem", files / "ours.pem", files / "ours.key"]
    assert Certificates.of(None, None, None) is None
    with pytest.raises(UserError, match="three files"):
        Certificates.of(ours[0], None, None)
    with pytest.raises(UserError, match="--tls-ca"):
        Certificates.of(files / "missing.pem", *ours[1:])
    with pytest.raises(UserError, match="--tls-key"):
        Certificates.of(*ours[:2], files / "theirs.key")

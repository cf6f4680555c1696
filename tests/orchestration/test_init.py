"""A site is set up with what it says, checked at once, and nothing is half-written."""

import contextlib
import gzip
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from extracts import clean_records, write_extract
from projects import Home, Said, clean_environment

from echomort.settings import load_settings
from echomort.synth.archive import write_archive
from orchestration.site import PRESET_WORDS, check_preset, fitting_preset
from warehouse.adapters.recognition import LOOKED_AT_BYTES, guess_encoding

KEY = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic archive, taken as a site's own."""
    folder = tmp_path_factory.mktemp("site") / "archive"
    synthetic = load_settings(flags={"sources.synthetic.patients": 10}, environment={}).sources.synthetic
    assert synthetic is not None
    write_archive(folder, synthetic, 1)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path / "home")


def options(archive: Path, **others: str) -> list[str]:
    """Return the options of a site, those of ``others`` instead or on top."""
    told = {"dicom": str(archive / "dicom"), "ehr": str(archive / "ehr"), "key": "site.key"} | others
    return [part for name, value in told.items() for part in (f"--{name.replace('_', '-')}", value)]


def init(home: Home, *arguments: str, **environment: str) -> Said:
    return home.here("init", "--no-input", *arguments, **environment)


# --- without a terminal ---------------------------------------------------------------------------------------------


def test_options_alone_set_up_a_site_that_can_be_run(home: Home, archive: Path) -> None:
    more = {"time_zone": "Europe/Berlin", "extracted_on": "2024-06-30"}
    said = init(home, *options(archive, **more))
    assert said.status == 0, said.stderr
    assert re.search(r"of 20 looked at, 20 are DICOM, and 1\d cine loops", said.stdout)
    assert "adapter: canonical (10 patients" in said.stdout
    assert [line.partition("echomort ")[2] for line in said.stdout.splitlines()[-3:]] == [
        "records --config site.yaml",
        "link --explain --config site.yaml",
        f"run --home {home.root} --config site.yaml",
    ]
    written = yaml.safe_load(Path("site.yaml").read_text())
    assert written["sources"] | {"extracted_on": str(written["sources"]["extracted_on"])} == {
        "dicom": str(archive / "dicom"), "ehr": str(archive / "ehr"),
        "encoding": "utf-8", "adapter": "canonical", **more
    }  # fmt: skip
    assert written["privacy"] == {"key_file": str(Path("site.key").absolute())}
    key = Path("site.key")
    assert key.stat().st_mode & 0o777 == 0o600 and re.fullmatch(r"[0-9a-f]{64}\n", key.read_text())
    assert not home.root.exists()
    looked = home.here("records", "--config", "site.yaml", "--json", home=False)
    assert looked.status == 0 and '"extracted_on": "2024-06-30"' in looked.stdout
    linked = home.here("link", "--explain", "--config", "site.yaml", home=False)
    assert linked.status == 0 and "would match" in linked.stdout


@pytest.mark.parametrize(("deaths", "preset"), [(0, "pilot"), (99, "pilot"), (100, "standard")])
def test_few_deaths_suggest_the_preset_of_a_pilot(deaths: int, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.site._deaths", lambda _: deaths)
    assert fitting_preset({}) == preset
    assert ("take preset pilot" in check_preset("standard", {}).found) == (preset == "pilot")
    assert "fewer than 100 deaths" in PRESET_WORDS


def test_what_is_left_open_is_a_comment(home: Home, archive: Path) -> None:
    assert init(home, *options(archive)).status == 0
    text = Path("site.yaml").read_text()
    assert "  # time_zone:  # of the hospital" in text and "preset: standard" in text
    assert all("#" in line for line in text.splitlines() if line.startswith("  "))


def test_what_is_missing_is_listed_where_nobody_can_be_asked(home: Home, archive: Path) -> None:
    for flags in (["--no-input"], []):  # here stdin is no terminal
        said = home.here("init", *flags, "--ehr", str(archive / "ehr"))
        assert said.status == 2 and "--dicom, --key is missing" in said.stderr
    assert list(Path().iterdir()) == []


def test_an_existing_key_is_taken_and_never_replaced(home: Home, archive: Path) -> None:
    Path("site.key").write_text(KEY)
    os.chmod("site.key", 0o644)
    assert "others can read" in init(home, *options(archive)).stderr
    os.chmod("site.key", 0o600)
    assert init(home, *options(archive)).status == 0 and Path("site.key").read_text() == KEY


def test_a_key_in_the_environment_needs_no_file(home: Home, archive: Path) -> None:
    named = [one for one in options(archive) if one not in {"--key", "site.key"}]
    assert init(home, *named, ECHOMORT_KEY=KEY).status == 0
    assert not Path("site.key").exists() and "privacy" not in yaml.safe_load(Path("site.yaml").read_text())
    assert KEY not in Path("site.yaml").read_text()
    assert home.here("config", "show", "--config", "site.yaml").status == 0


def test_a_home_that_has_a_key_gets_no_other(home: Home, archive: Path) -> None:
    home.root.mkdir()
    (home.root / "key_id").write_text("0123456789ab\n")
    assert "was made with a key" in init(home, *options(archive)).stderr
    Path("site.key").write_text(KEY)
    os.chmod("site.key", 0o600)
    assert "another key" in init(home, *options(archive)).stderr
    assert not Path("site.yaml").exists()


def test_a_configuration_is_not_overwritten(home: Home, archive: Path) -> None:
    Path("site.yaml").write_text("preset: demo\n")
    assert "exists already" in init(home, *options(archive)).stderr
    assert Path("site.yaml").read_text() == "preset: demo\n" and not Path("site.key").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dicom": "nowhere"}, "does not exist"),
        ({"dicom": "site.txt"}, "is a file"),
        ({"dicom": "{archive}/ehr"}, "is DICOM"),
        ({"dicom": "s3://name:secret@bucket/echo"}, "credentials belong in the environment"),
        ({"ehr": "nowhere"}, "does not exist"),
        ({"ehr": "{archive}/dicom"}, "no adapter recognises"),
        ({"encoding": "latin"}, "sources.encoding"),
        ({"adapter": "omop"}, "table person"),
        ({"adapter": "oomop"}, "there is no adapter oomop"),
        ({"adapter": "./nowhere"}, "does not exist"),
        ({"time_zone": "Middle/Earth"}, "sources.time_zone"),
        ({"extracted_on": "30.06.2024"}, "write it as 2024-06-30"),
        ({"extracted_on": "2999-01-01"}, "still to come"),
        ({"key": "nowhere/key"}, "no file can be made"),
        ({"key": "{archive}/ehr/key"}, "among the inputs"),
        ({"preset": "demo"}, "no preset for a site"),
    ],
)
def test_a_wrong_answer_is_named_and_nothing_is_written(
    home: Home, archive: Path, wrong: dict[str, str], words: str
) -> None:
    Path("site.txt").write_text("")
    said = init(home, *options(archive, **{name: text.format(archive=archive) for name, text in wrong.items()}))
    assert said.status == 2 and words in said.stderr and len(said.stderr.splitlines()) == 1
    assert {path.name for path in Path().iterdir()} == {"site.txt"} and "secret" not in said.stderr
    assert not (archive / "ehr" / "key").exists()


def test_a_table_that_lacks_a_column_is_named_by_the_nearest_adapter(home: Home, archive: Path, tmp_path: Path) -> None:
    write_extract(tmp_path / "ehr", clean_records(1, 10))
    table = tmp_path / "ehr" / "patient.csv"
    table.write_text(table.read_text().replace("birth_date", "born", 1))
    said = init(home, *options(archive, ehr=str(tmp_path / "ehr")))
    assert "adapter canonical comes nearest" in said.stderr and "no column birth_date" in said.stderr


def test_records_of_windows_are_recognised_and_told(home: Home, archive: Path, tmp_path: Path) -> None:
    ehr = write_extract(tmp_path / "ehr", clean_records(1, 10))
    for path in ehr.glob("*.csv"):
        path.write_bytes(path.read_bytes().replace(b"White", "Weiß".encode("cp1252")))
    said = init(home, *options(archive, ehr=str(ehr)))
    assert said.status == 0, said.stderr
    assert "encoding: latin-1" in said.stdout and "adapter: canonical (10 patients" in said.stdout
    assert yaml.safe_load(Path("site.yaml").read_text())["sources"]["encoding"] == "latin-1"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Größe".encode(), "utf-8"),
        ("Größe".encode("cp1252"), "latin-1"),
        ("Größe".encode("utf-8-sig"), "utf-8"),
        ("Größe".encode("utf-16"), "utf-8"),
        (b"a" * (LOOKED_AT_BYTES - 1) + "ö".encode(), "utf-8"),
        (gzip.compress("Größe".encode("cp1252"), mtime=0), "latin-1"),
    ],
)
def test_an_encoding_is_guessed_by_how_texts_begin(content: bytes, encoding: str, tmp_path: Path) -> None:
    packed = ".gz" if content.startswith(b"\x1f\x8b") else ""
    (tmp_path / f"patient.csv{packed}").write_bytes(content)
    (tmp_path / "picture.png").write_bytes(b"\xff")
    assert guess_encoding(tmp_path) == encoding


def test_where_the_configuration_can_not_be_written_no_key_is_left(
    home: Home, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestration.site.write_text", interrupted)
    assert init(home, *options(archive)).status != 0
    assert list(Path().iterdir()) == []


# --- at a terminal --------------------------------------------------------------------------------------------------


START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from orchestration.cli.__main__ import main; main()"
)
"""Starts the command with Ctrl-C as a terminal has it: a shell in the background has it ignored."""


class Terminal:
    """``echomort init`` at a terminal of its own."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.master, line = pty.openpty()
        environment = clean_environment() | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "dumb"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, "init", "--home", str(home.root)],
            stdin=line, stdout=line, stderr=line, env=environment, cwd=folder,
        )  # fmt: skip
        os.close(line)
        self.seen = ""

    def answer(self, question: str, text: str) -> None:
        """Wait until ``question`` is asked, then type ``text``."""
        while question not in self.seen and select.select([self.master], [], [], 60)[0]:
            self.seen += os.read(self.master, 4096).decode()
        assert question in self.seen
        self.seen = self.seen.partition(question)[2]
        os.write(self.master, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C as a person does: again, if nothing happened. Python does not hear a signal in the instant
        before it begins to wait for a line."""
        for _ in range(10):
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
                return

    def rest(self) -> tuple[int, str]:
        """Return exit status and what was still written."""
        status, seen = self.process.wait(60), self.seen
        with contextlib.suppress(OSError):  # the other side is closed
            while select.select([self.master], [], [], 60)[0] and (part := os.read(self.master, 4096)):
                seen += part.decode()
        os.close(self.master)
        return status, seen


def test_a_person_is_asked_until_each_answer_can_be_used(home: Home, archive: Path, tmp_path: Path) -> None:
    terminal = Terminal(home, tmp_path)
    terminal.answer("Folder of the echo files", "/nowhere\n")
    terminal.answer("/nowhere does not exist", "")
    terminal.answer("Folder of the echo files", f"{archive / 'dicom'}\n")
    terminal.answer("Folder of the health records", f"{archive / 'ehr'}\n")
    terminal.answer("[utf-8]", "\n")
    terminal.answer("[canonical]", "\n")
    terminal.answer("Time zone", " \n")
    terminal.answer("nothing was typed: type a name such as Europe/Berlin, or - for none", "")
    terminal.answer("Time zone", "Europe/Berlin\n")
    terminal.answer("Last day", "yesterday\n")
    terminal.answer("Last day", "\n")
    terminal.answer("key for pseudonyms", "\n")
    terminal.answer("[pilot]", "\n")
    status, said = terminal.rest()
    assert status == 0 and "then: echomort run" in said
    written = yaml.safe_load(Path("site.yaml").read_text())
    assert written["sources"]["time_zone"] == "Europe/Berlin" and written["preset"] == "pilot"
    assert "extracted_on" not in written["sources"], "the next extract has a later day"
    assert Path("echomort.key").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_leaves_nothing_behind(home: Home, archive: Path, tmp_path: Path) -> None:
    terminal = Terminal(home, tmp_path)
    terminal.answer("Folder of the echo files", f"{archive / 'dicom'}\n")
    terminal.answer("Folder of the health records", "")
    terminal.interrupt()
    status, said = terminal.rest()
    assert status == 1 and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []

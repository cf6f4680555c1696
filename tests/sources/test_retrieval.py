"""Studies of an archive that is asked by C-FIND and sends by C-MOVE: which come, which wait, and what is said of the
rest."""

import contextlib
import json
import socket
import stat
from dataclasses import dataclass, field
from datetime import date

import pytest
from pydicom import Dataset, dcmread

pytest.importorskip("pynetdicom")

from projects import Home
from pynetdicom import AE, build_context, evt

from echomort.core.errors import UserError
from echomort.core.listing import list_files
from echomort.sources.association import Archive
from echomort.sources.discovery import FIND, StudyQuery, Window, find_studies
from echomort.sources.landing import study_folder
from echomort.sources.receiver import Station
from echomort.sources.retrieval import MOVE, require_way_back, retrieve
from echomort.sources.retry import Patience
from echomort.sources.stability import Looks

LOOP, CAPTURE, SR = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("3.1", "7", "88.33"))
EXPLICIT = "1.2.840.10008.1.2.1"
HASTE = Patience(attempts=3, sleep=lambda seconds: None)
DAYS, MONTH = (StudyQuery(date(2024, 1, first), date(2024, 1, last)) for first, last in ((12, 18), (1, 31)))


def an_object(study, number, sop_class=LOOP, modality="US"):
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = sop_class, f"1.2.826.{study}.{number}"
    one.StudyInstanceUID, one.SeriesInstanceUID = f"1.2.826.{study}", f"1.2.826.{study}.{sop_class[-2:].strip('.')}.0"
    one.StudyDate, one.StudyTime, one.Modality, one.PatientID = "20240115", "101500", modality, "CANARY-7731"
    one.ensure_file_meta()
    one.file_meta.TransferSyntaxUID = EXPLICIT
    return one


def a_study(study, loops=2, **others):
    return [an_object(study, number) for number in range(loops)] + [
        an_object(study, f"9{place}", *kind) for place, kind in enumerate(others.values())
    ]


@dataclass
class Peer:
    """An archive of the test's own: its objects, and how it misbehaves."""

    objects: list
    destinations: dict
    announces: bool = True
    names_modalities: bool = True
    matches_modality: bool = True
    lost: set = field(default_factory=set)
    move_status: int | None = None
    aborts: int = 0
    aborts_at: str = "STUDY"
    hides: int = 0
    moves: list = field(default_factory=list)
    finds: list = field(default_factory=list)
    port: int = 0

    def find(self, event):
        asked = event.identifier
        self.finds.append(asked.QueryRetrieveLevel)
        if self.aborts and asked.QueryRetrieveLevel == self.aborts_at:
            self.aborts -= 1
            event.assoc.abort()
            return
        key = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
        groups = {}
        for one in self.objects:
            if all(asked.get(above) in (None, "", one[above].value) for above in key.values()):
                groups.setdefault(one[key[asked.QueryRetrieveLevel]].value, []).append(one)
        for uid, members in list(groups.items())[self.hides if asked.QueryRetrieveLevel == "IMAGE" else 0 :]:
            if answer := self.answer(asked, uid, members, key[asked.QueryRetrieveLevel]):
                yield 0xFF00, answer
        yield 0x0000, None

    def answer(self, asked, uid, members, keyword):
        modalities, answer = sorted({one.Modality for one in members}), Dataset()
        if self.matches_modality and asked.QueryRetrieveLevel != "IMAGE" and "US" not in modalities:
            return None
        setattr(answer, keyword, uid)
        answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
        if asked.QueryRetrieveLevel == "STUDY":
            answer.ModalitiesInStudy = modalities if self.names_modalities else None
            if self.announces:
                answer.NumberOfStudyRelatedInstances = len(members)
        elif asked.QueryRetrieveLevel == "SERIES":
            answer.Modality = modalities[0]
            answer.NumberOfSeriesRelatedInstances = len(members) if self.announces else None
        else:
            answer.SOPClassUID = members[0].SOPClassUID
        return answer

    def move(self, event):
        series = event.identifier.SeriesInstanceUID
        self.moves.append(series)
        if self.move_status is not None:
            yield "127.0.0.1", self.destinations.get(event.move_destination, 1)
            yield 0
            yield self.move_status, None
            return
        if event.move_destination not in self.destinations:
            yield None, None
            return
        contexts = [build_context(kind, EXPLICIT) for kind in (LOOP, CAPTURE, SR)]
        yield "127.0.0.1", self.destinations[event.move_destination], {"contexts": contexts}
        sent = [one for one in self.objects if one.SeriesInstanceUID == series]
        yield len(sent)
        for one in sent:
            yield 0xFF00, one if one.SOPInstanceUID not in self.lost else self.broken(one)
        yield 0x0000, None

    def broken(self, one):
        """An object of a class that a receiver of ultrasound refuses, in the place of what the archive has lost."""
        other = an_object("0", "0", SR)
        other.SOPInstanceUID = one.SOPInstanceUID
        return other


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def station():
    return Station(free_port())


@pytest.fixture
def peer(station):
    with running(Peer([], {"ECHOMORT": station.port})) as peer:
        yield peer


@contextlib.contextmanager
def running(peer, contexts=(FIND, MOVE), known=("ECHOMORT",)):
    entity = AE(ae_title="ARCHIVE")
    for each in contexts:
        entity.add_supported_context(each)
    entity.require_called_aet = True
    entity.require_calling_aet = list(known)
    handlers = [(evt.EVT_C_FIND, peer.find), (evt.EVT_C_MOVE, peer.move)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    peer.port = server.socket.getsockname()[1]
    try:
        yield peer
    finally:
        entity.shutdown()


class Clock:
    def __init__(self):
        self.minutes = 1000.0

    def __call__(self):
        return 60 * self.minutes


def get(peer, station, folder, minutes=0, query=DAYS, clock=None, title="ARCHIVE"):
    archive = Archive("127.0.0.1", peer.port, title, station.title)
    looks = Looks(folder, minutes, clock) if clock else Looks(folder, minutes)
    found = retrieve(archive, query, looks, station, patience=HASTE)
    counted = {name: number for name, number in vars(found).items() if isinstance(number, int) and number}
    return counted | ({"problem": found.problem} if found.problem else {})


def instances(folder):
    return sorted(str(dcmread(folder / file.path).SOPInstanceUID) for file in list_files(folder, "sources.dicom"))


def test_studies_come_whole_and_once(peer, station, tmp_path):
    peer.objects = a_study(1) + a_study(2, 3)
    assert get(peer, station, tmp_path) == {"retrieved": 2, "objects": 5}
    assert instances(tmp_path) == sorted(one.SOPInstanceUID for one in peer.objects)
    peer.moves.clear()
    peer.finds.clear()
    assert get(peer, station, tmp_path) == {"there": 2}
    assert (peer.moves, set(peer.finds)) == ([], {"STUDY"})
    next(study_folder(tmp_path, "1.2.826.1").glob("*.dcm")).unlink()
    assert get(peer, station, tmp_path) == {"retrieved": 1, "there": 1, "objects": 1}


def test_a_study_is_stable_once_it_has_not_grown_for_so_many_minutes(tmp_path):
    clock = Clock()

    def look(minute, instances):
        clock.minutes = minute
        looks = Looks(tmp_path, 30, clock)  # each look is a call of its own
        stable = looks.is_stable("1.2.3", instances)
        looks.save()
        return stable

    assert [look(0, 2), look(29, 2), look(30, 3), look(59, 3), look(60, 3), look(61, 3)] == [False] * 4 + [True] * 2
    assert not look(1, 3)  # the clock was set back
    assert Looks(tmp_path, 0).is_stable("1.2.4", 1)


def test_a_study_that_grows_later_waits_again_and_what_is_new_comes(peer, station, tmp_path):
    clock = Clock()
    peer.objects = a_study(1)
    get(peer, station, tmp_path, 0, clock=clock)
    peer.objects.append(an_object(1, 7))
    assert get(peer, station, tmp_path, 30, clock=clock) == {"unstable": 1}
    clock.minutes += 30
    assert get(peer, station, tmp_path, 30, clock=clock) == {"retrieved": 1, "objects": 1}


def test_an_archive_that_announces_no_numbers_is_counted_by_its_objects(peer, station, tmp_path):
    clock = Clock()
    peer.objects, peer.announces = a_study(1), False
    assert get(peer, station, tmp_path, 30, clock=clock) == {"unstable": 1}
    peer.objects.append(an_object(1, 7))
    clock.minutes += 30
    assert get(peer, station, tmp_path, 30, clock=clock) == {"unstable": 1}
    assert get(peer, station, tmp_path) == {"retrieved": 1, "objects": 3}


def test_what_is_no_ultrasound_is_neither_sent_nor_missed(peer, station, tmp_path):
    peer.objects = [*a_study(1, 2, report=(SR, "SR")), an_object(1, 5, CAPTURE), an_object(2, 1, SR, "SR")]
    peer.matches_modality = False
    assert get(peer, station, tmp_path) == {"retrieved": 1, "objects": 2}
    peer.names_modalities = False
    assert get(peer, station, tmp_path) == {"there": 1, "without": 1}
    assert get(peer, station, tmp_path) == {"there": 1, "without": 1}
    assert peer.moves == [peer.objects[0].SeriesInstanceUID]


def test_an_object_that_does_not_arrive_is_counted_and_tried_at_the_next_look(peer, station, tmp_path):
    peer.objects = a_study(1) + a_study(2)
    peer.lost = {peer.objects[0].SOPInstanceUID}
    found = get(peer, station, tmp_path)
    problem = "1 objects of a study did not arrive (C-MOVE status B000H)"
    assert found == {"retrieved": 1, "failed": 1, "objects": 3, "problem": problem}
    peer.lost = set()
    assert get(peer, station, tmp_path) == {"retrieved": 1, "there": 1, "objects": 1}


def test_a_list_of_objects_that_is_too_short_is_no_whole_study(peer, station, tmp_path):
    peer.objects, peer.hides = [one for study in range(1, 5) for one in a_study(study)], 1
    found = get(peer, station, tmp_path)
    assert found == {"failed": 4, "problem": "the archive lists fewer objects of a series than it announces"}


def test_a_connection_that_breaks_is_tried_again(peer, station, tmp_path):
    peer.objects, peer.aborts = a_study(1), 2
    assert get(peer, station, tmp_path) == {"retrieved": 1, "objects": 2}
    peer.aborts = 3
    with pytest.raises(UserError, match=r"ends the connection \(NoAnswer\).* register ECHOMORT"):
        get(peer, station, tmp_path)


def test_studies_without_an_answer_are_counted_and_three_in_succession_end_it(peer, station, tmp_path):
    peer.objects = [one for study in range(1, 4) for one in a_study(study)]
    peer.aborts, peer.aborts_at = HASTE.attempts, "SERIES"
    found = get(peer, station, tmp_path)
    assert (found["failed"], found["retrieved"]) == (1, 2)
    peer.aborts = 3 * HASTE.attempts
    with pytest.raises(
        UserError, match=r"ends the connection \(NoAnswer\).*; until then, of 3 studies 0 retrieved.* 3 failed"
    ):
        get(peer, station, tmp_path / "another")


def test_named_studies_come_and_one_that_is_not_there_is_said(peer, station, tmp_path):
    peer.objects = a_study(1) + a_study(2)
    found = get(peer, station, tmp_path, query=StudyQuery(studies=("1.2.826.2", "1.2.3")))
    assert found == {
        "retrieved": 1,
        "failed": 1,
        "objects": 2,
        "problem": "the archive has no ultrasound study of that UID",
    }


@pytest.mark.parametrize("status", [0xA702, 0xC000])
def test_a_move_that_the_archive_can_not_do_says_where_to_register(peer, station, tmp_path, status):
    peer.objects, peer.move_status = a_study(1), status
    archive = Archive("127.0.0.1", peer.port, "ARCHIVE", station.title)
    found = retrieve(archive, DAYS, Looks(tmp_path, 0), station, patience=HASTE)
    assert (found.failed, found.total) == (1, 1)
    assert "did not arrive" in found.problem
    assert f"register ECHOMORT there with this machine's address and port {station.port}" in found.remedy


def test_a_destination_that_the_archive_does_not_know_ends_it_with_what_to_register(peer, station, tmp_path):
    peer.objects, peer.destinations = a_study(1) + a_study(2), {}
    remedy = f"register ECHOMORT there with this machine's address and port {station.port}"
    with pytest.raises(UserError, match=remedy) as refused:
        get(peer, station, tmp_path)
    assert len(peer.moves) == 1
    assert "\n" not in str(refused.value) and "1.2.826" not in str(refused.value)


def test_titles_that_are_unknown_are_said(peer, station, tmp_path):
    with pytest.raises(UserError, match="knows no application entity 'NOBODY'"):
        get(peer, station, tmp_path, title="NOBODY")
    with pytest.raises(UserError, match="does not know us as 'STRANGER'"):
        get(peer, Station(station.port, "STRANGER"), tmp_path)


def test_an_archive_without_query_and_retrieve_is_said(station, tmp_path):
    for contexts in ((LOOP,), (FIND,)):
        peer = Peer(a_study(1), {"ECHOMORT": station.port})
        with running(peer, contexts), pytest.raises(UserError, match=r"offers n(either|o) C-FIND"):
            get(peer, station, tmp_path)


def test_an_archive_that_is_not_there_and_a_port_that_is_taken(peer, station, tmp_path):
    with pytest.raises(UserError, match=r"can't be reached .*\(NoAssociation\)"):
        get(Peer([], {}, port=free_port()), station, tmp_path)
    with pytest.raises(UserError, match="--port"):
        get(peer, Station(peer.port), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_looks_are_their_owners_and_name_no_study(peer, station, tmp_path):
    peer.objects = a_study(1)
    get(peer, station, tmp_path)
    (file,) = [path for path in tmp_path.iterdir() if path.is_file()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "1.2.826" not in file.read_text() and "2024" not in file.read_text()
    assert list(json.loads(file.read_text())) == [study_folder(tmp_path, "1.2.826.1").name]
    file.write_text("{")
    with pytest.raises(UserError, match="delete it"):
        get(peer, station, tmp_path)


class Cutting:
    """Answers for studies with a day and a minute, never more than ``limit``, and says so or does not."""

    def __init__(self, studies, limit, says=True, by_time=True):
        self.studies, self.limit, self.says, self.by_time = studies, limit, says, by_time
        self.asked = 0

    def __call__(self, keys):
        self.asked += 1
        first, _, last = keys["StudyDate"].partition("-")
        start, _, end = keys.get("StudyTime", "000000-235959").partition("-")
        if not self.by_time:
            start, end = "000000", "235959"
        found = [
            self.answer(uid)
            for uid, (day, clock) in self.studies.items()
            if first <= day <= (last or first) and start <= clock <= end
        ]
        return found[: self.limit], len(found) <= self.limit or not self.says

    def answer(self, uid):
        one = Dataset()
        one.StudyInstanceUID, one.ModalitiesInStudy, one.NumberOfStudyRelatedInstances = uid, ["US"], 3
        return one


def scattered(count, days=20, minutes=600):
    return {
        f"1.2.{number}": (f"202401{1 + number % days:02}", f"{8 + number % minutes // 60:02}{number % 60:02}00")
        for number in range(count)
    }


@pytest.mark.parametrize(("limit", "says"), [(7, True), (50, False), (100, False), (1000, True)])
def test_an_archive_that_cuts_its_answers_is_asked_for_less_until_all_studies_are_known(limit, says):
    for days in (20, 1):
        asked = Cutting(scattered(400, days), limit, says)
        assert set(find_studies(MONTH, asked)) == set(asked.studies)


def test_an_archive_that_cuts_every_list_is_an_error_and_one_with_fifty_studies_a_day_is_none():
    with pytest.raises(UserError, match="limit of C-FIND answers"):
        find_studies(MONTH, Cutting(scattered(40, 1), 7, by_time=False))
    fifty = Cutting(scattered(50, 1), 1000, by_time=False)
    assert len(find_studies(MONTH, fifty)) == 50
    assert fifty.asked < 20


def test_a_window_is_halved_by_days_and_then_by_minutes():
    days = Window(date(2024, 1, 1), date(2024, 1, 2))
    assert days.keys() == {"StudyDate": "20240101-20240102"}
    first, _ = days.halves()
    assert first.keys() == {"StudyDate": "20240101"}
    morning, afternoon = first.halves()
    assert morning.keys() == {"StudyDate": "20240101", "StudyTime": "000000-115959.999999"}
    assert afternoon.keys() == {"StudyDate": "20240101", "StudyTime": "120000-235959.999999"}


@pytest.mark.parametrize(
    "asked",
    [{}, {"studies": ("*",)}, {"studies": ("1.2\\1.3",)}, {"since": date(2024, 1, 2), "until": date(2024, 1, 1)}],
)
def test_a_query_that_asks_for_nothing_or_anything_is_refused(asked):
    with pytest.raises(UserError, match=r"--since|--study"):
        StudyQuery(**asked)


@pytest.mark.parametrize("ours", ["127.0.0.1", "localhost", "::1"])
def test_an_archive_elsewhere_could_not_reach_us_on_loopback(ours, tmp_path):
    """192.0.2.1 is kept for documentation (RFC 5737): it is no machine's."""
    words = ["fetch", "pacs", "192.0.2.1:104/A", "--to", str(tmp_path / "in"), "--study", "1.2", "--host", ours]
    done = Home(tmp_path / "home").here(*words, home=False)
    assert done.status == 2 and done.stderr.count("\n") == 1
    assert "could not reach us" in done.stderr and "--host 0.0.0.0" in done.stderr
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    ("archive", "ours"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("192.0.2.1", "0.0.0.0")],
)
def test_an_archive_here_or_a_listener_for_all_is_let_be(archive, ours):
    require_way_back(archive, ours)


def test_the_command_counts_every_study_and_ends_with_status_2_where_one_failed(peer, station, tmp_path):
    peer.objects = a_study(1) + a_study(2) + a_study(3)
    peer.lost = {peer.objects[0].SOPInstanceUID}
    words = ["fetch", "pacs", f"127.0.0.1:{peer.port}/ARCHIVE", "--to", str(tmp_path / "in")]
    words += ["--since", "2024-01-12", "--until", "2024-01-18", "--port", str(station.port)]
    home = Home(tmp_path / "home")
    done = home.here(*words, "--stable", "30", home=False)
    assert (done.status, done.stderr) == (0, "")
    counted = "0 retrieved, 0 there already, 3 not stable yet, 0 without ultrasound, 0 failed; 0 new objects"
    assert done.stdout == f"{tmp_path / 'in'}: 3 studies: {counted}\n"
    done = home.here(*words, "--stable", "0", home=False)
    assert "2 retrieved, 0 there already, 0 not stable yet, 0 without ultrasound, 1 failed; 5 new" in done.stdout
    assert done.status == 2 and done.stderr.count("\n") == 1 and "1 studies failed" in done.stderr
    assert not any(word in done.stdout + done.stderr for word in ("CANARY", "1.2.826", "2024"))

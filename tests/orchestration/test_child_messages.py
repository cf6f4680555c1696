"""What a child process says arrives whole, however slowly it is written."""

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dagster_pipes import PipesDefaultMessageWriter

from orchestration.children import messages
from orchestration.children.messages import FileMessages
from orchestration.lines import whole_lines


def test_half_a_message_is_waited_for_and_the_later_ones_arrive(monkeypatch: Any) -> None:
    """The file of a demo's training held half a line for a moment; all that was said after it was lost."""
    monkeypatch.setattr(messages, "LOOK_SECONDS", 0.001)
    said: list[Any] = []
    sent = [{"method": "log", "params": {"message": f"epoch {number}, ü"}} for number in range(3)]
    with (
        FileMessages().read_messages(SimpleNamespace(handle_message=said.append)) as params,
        open(params[PipesDefaultMessageWriter.FILE_PATH_KEY], "ab", buffering=0) as file,
    ):
        for byte in b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in sent):
            file.write(bytes([byte]))
            time.sleep(0.0005)
    assert said == sent


def test_what_is_written_until_the_end_is_read_and_what_a_kill_cut_off_is_no_line(tmp_path: Path) -> None:
    path, over = tmp_path / "lines", threading.Event()
    path.write_bytes(b"one\ntwo\nthr")
    over.set()
    assert list(whole_lines(path, over, 60)) == [b"one", b"two"]


def test_a_message_that_can_not_be_passed_on_is_no_silence(monkeypatch: Any) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda raised: None)
    found: list[Any] = []
    handler = SimpleNamespace(
        handle_message=found.append,
        report_pipes_framework_exception=lambda origin, error: found.append(error[0]),
    )
    with FileMessages().read_messages(handler) as params:
        Path(params[PipesDefaultMessageWriter.FILE_PATH_KEY]).write_text("no message\n", encoding="utf-8")
    assert found == [json.JSONDecodeError]

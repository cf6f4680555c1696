"""Networks that are trained in turn hold one lock at a time: an experiment has hundreds of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assets.training import pipes
from echomort.core import supervision


def test_tasks_in_turn_hold_one_lock_each(monkeypatch: Any, tmp_path: Path) -> None:
    files = [tmp_path / name for name in "ab"]
    held: list[int] = []
    training = SimpleNamespace(max_epochs=1, fold_processes=1)
    monkeypatch.setattr(
        pipes.Task,
        "read",
        lambda file: SimpleNamespace(output=file.with_suffix(".models"), view="v", models="folds", training=training),
    )
    monkeypatch.setattr(pipes, "train_files", lambda *_, **__: held.append(len(supervision._held)))
    pipes.train(files, SimpleNamespace(get_extra={"folds": 2, "one_by_one": True}.get))  # type: ignore[arg-type]
    assert held == [1, 1]

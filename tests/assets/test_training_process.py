"""The process that trains: what it makes of its tasks."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assets.training import pipes
from echomort.training import Progress
from echomort.training.pool import Pool


def test_tasks_of_one_view_have_their_curves_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = SimpleNamespace(network="linear", max_epochs=1, fold_processes=1)
    tasks = {
        tmp_path / f"{name}.task.json": SimpleNamespace(
            view=name[0], output=tmp_path / "models" / name, clips=tmp_path, models="folds", training=training
        )
        for name in ("a1", "b1", "a2", "a3")
    }
    curves: Counter[Path] = Counter()

    pools: list[Pool] = []

    def train_files(files: list[Path], report: Any, pool: Pool) -> None:
        pools.append(pool)
        views = [tasks[file].view for file in files]
        assert len(views) == len(set(views))
        for view in views:
            report(Progress(view, (0,), 1, 1, 0.5, 1, {}))

    monkeypatch.setattr(pipes.Task, "read", tasks.__getitem__)
    monkeypatch.setattr(pipes, "train_files", train_files)
    monkeypatch.setattr(pipes, "add_event", lambda folder, epoch, values: curves.update([folder]))
    logged: list[str] = []
    channel = SimpleNamespace(get_extra={"folds": 2}.get, log=SimpleNamespace(info=logged.append))
    pipes.train(list(tasks), channel)  # type: ignore[arg-type]
    assert sorted(curves.values()) == [1, 1, 1, 1], "a folder each"
    assert logged[-1].startswith("4 of 8 epochs")
    assert len(pools) == 3 and len(set(pools)) == 1, "one pool: a second could not be forked, and would import all anew"

"""Which clips are trained on, how they are packed, split and drawn, and which tables are refused."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from echomort.clips.store import artifact_of, write_study
from echomort.core.errors import HomeError, UserError
from echomort.core.fingerprint import digest
from echomort.models.rows import split_patients_evenly
from echomort.settings import Training
from echomort.training import Branch, Task, pictures
from echomort.training.batches import Batches, Inputs
from echomort.training.data import class_weights, index_pictures, read_samples, split_validation
from echomort.training.model import _loaders
from echomort.training.pictures import index_file, read_index

SHAPE = (2, 3, 4)
BRANCHES = (Branch(name="apical_4", shape=SHAPE),)


def rows(n=24, **changes):
    """A table of ``n`` studies of ``n`` patients, one clip each, in three folds and held out."""
    table = [
        {
            "clip_key": f"c{index}",
            "study_key": f"s{index}",
            "patient_key": f"p{index}",
            "path": artifact_of(f"{index:032x}", f"s{index}"),
            "fold": index % 4 - 1,
            "label": index // 4 % 2,
        }
        for index in range(n)
    ]
    table[0] |= changes
    return table


def written(folder, table, **changes):
    """Write the sample table, return a task that names it."""
    pq.write_table(pa.Table.from_pylist(table), folder / "samples.parquet")
    paths = {"samples": folder / "samples.parquet", "clips": folder, "output": Path("model")}
    return Task(**{"view": "apical_4", "branches": BRANCHES, "training": Training(), **paths, **changes})


def test_every_clip_is_packed_in_the_order_of_the_table(tmp_path):
    generator = np.random.default_rng(0)
    table = rows()
    table[1]["path"] = table[0]["path"]  # two clips of one study
    clips = {row["clip_key"]: generator.integers(0, 256, SHAPE, dtype=np.uint8) for row in table}
    for path in {row["path"] for row in table}:
        write_study(tmp_path / path, {row["clip_key"]: clips[row["clip_key"]] for row in table if row["path"] == path})
    samples = read_samples(written(tmp_path, table))
    first = index_pictures(samples, tmp_path, BRANCHES, tmp_path)
    found = read_index(index_file(tmp_path, 0))
    assert found.shape == (len(table), *SHAPE)
    order = np.random.default_rng(1).permutation(len(table))
    assert np.array_equal(found[order], np.stack(list(clips.values()))[order])
    changed = clips["c5"].copy()
    changed[0, 0, 0] ^= 1
    write_study(tmp_path / table[5]["path"], {"c5": changed})
    assert index_pictures(samples, tmp_path, BRANCHES, tmp_path) != first


@pytest.mark.parametrize("clip", [np.zeros((2, 3, 5), np.uint8), np.zeros(SHAPE, np.float32)])
def test_a_stored_clip_of_another_shape_or_kind_is_refused(tmp_path, clip):
    table = rows()
    for row in table:
        write_study(tmp_path / row["path"], {row["clip_key"]: clip})
    with pytest.raises(UserError, match="2x3x4 uint8"):
        index_pictures(read_samples(written(tmp_path, table)), tmp_path, BRANCHES, tmp_path)


@pytest.mark.parametrize("change", [{"path": "../outside.safetensors"}, {"clip_key": "absent"}])
def test_a_clip_that_is_not_in_the_store_is_refused(tmp_path, change):
    write_study(tmp_path / "outside.safetensors", {"c0": np.zeros(SHAPE, np.uint8)})
    store = tmp_path / "home"
    for row in rows():
        write_study(store / row["path"], {row["clip_key"]: np.zeros(SHAPE, np.uint8)})
    samples = read_samples(written(tmp_path, rows(**change)))
    with pytest.raises(UserError, match="lacks a clip"):
        index_pictures(samples, store, BRANCHES, tmp_path)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (rows(clip_key="c1"), "twice"),
        (rows(patient_key="p1"), "more than one fold"),
        (rows(label=2), "does not exist"),
        (rows(fold=-2), "does not exist"),
        ([row | {"label": 0} for row in rows()], "same label"),
        ([row | {"fold": 0} for row in rows()], "fewer than 3 folds"),
        ([{"clip_key": "c"}], "column"),
    ],
)
def test_a_table_that_allows_no_honest_training_is_refused(tmp_path, table, reason):
    with pytest.raises(UserError, match=reason):
        read_samples(written(tmp_path, table))


@pytest.mark.parametrize(("classes", "weighted"), [("balanced", False), ("proportional", True)])
def test_the_validation_loss_of_a_balanced_set_has_no_class_weights_as_in_keras(tmp_path, classes, weighted):
    table = [row | {"fold": index % 3, "label": int(index % 5 == 0)} for index, row in enumerate(rows(120))]
    samples = read_samples(written(tmp_path, table))
    task = SimpleNamespace(training=Training(stopping="patience", validation_classes=classes, validation_fraction=0.2))
    training, validation = _loaders(
        task, samples, Inputs([np.zeros((len(samples.label), 1, 1, 1), np.uint8)]), (0, 1), 1
    )
    assert (validation.weights != (1.0, 1.0)) == weighted
    assert training.weights == class_weights(samples.label[training.rows])


def test_held_out_rows_are_scored_by_every_model_and_trained_on_by_none(tmp_path):
    samples = read_samples(written(tmp_path, rows()))
    assert samples.left_out == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    for left_out in samples.left_out:
        assert set(samples.fold[samples.training_rows(left_out)]) == {0, 1, 2} - set(left_out)
        assert set(samples.fold[samples.scored_rows(left_out)]) == {-1, *left_out}


def test_validation_is_split_by_patient_and_label(tmp_path):
    table = [row | {"patient_key": f"p{index // 2}", "fold": index // 2 % 3} for index, row in enumerate(rows(120))]
    samples = read_samples(written(tmp_path, table))
    chosen = samples.training_rows((0, 1))
    training, validation = split_validation(samples, chosen, 0.25, 1, "proportional")
    assert sorted([*training, *validation]) == sorted(chosen)
    assert not set(samples.patient_key[training]) & set(samples.patient_key[validation])
    assert samples.label[validation].mean() == pytest.approx(samples.label[chosen].mean(), abs=0.05)


@pytest.mark.parametrize(
    ("died", "fraction", "validating"),
    [
        (32, 0.1, 10),  # 10 % of 200 patients, half of whom died
        (15, 0.1, 7),  # not more than half of those who died
        (3, 0.1, 1),
        (180, 0.1, 10),  # the rarer outcome is survival
        (32, 0.002, 1),  # at least one of each
    ],
)
def test_a_balanced_validation_set_has_as_many_dead_as_alive_and_leaves_the_rest_to_training(
    died, fraction, validating
):
    labels, patients = np.arange(200) < died, np.array([f"p{index}" for index in range(200)])
    inside = split_patients_evenly(labels.astype(int), patients, fraction, seed=5)
    assert (labels[inside].sum(), (~labels[inside]).sum()) == (validating, validating)
    assert not np.array_equal(inside, split_patients_evenly(labels.astype(int), patients, fraction, seed=6))


def test_a_balanced_validation_set_takes_whole_patients_and_needs_two_of_each_outcome(tmp_path):
    table = [row | {"patient_key": f"p{index // 2}", "fold": index // 2 % 3} for index, row in enumerate(rows(120))]
    samples = read_samples(written(tmp_path, table))
    chosen = samples.training_rows((0, 1))
    training, validation = split_validation(samples, chosen, 0.25, 1, "balanced")
    assert sorted([*training, *validation]) == sorted(chosen)
    assert not set(samples.patient_key[training]) & set(samples.patient_key[validation])
    one = chosen[(samples.label[chosen] == 0) | (chosen == chosen[samples.label[chosen] == 1][0])]
    with pytest.raises(UserError, match="too few patients"):
        split_validation(samples, one, 0.25, 1, "balanced")


def test_class_weights_make_both_labels_weigh_the_same():
    labels = np.array([0] * 9 + [1] * 3)
    alive, dead = class_weights(labels)
    assert (alive * 9, dead * 3) == (6, 6)


def test_an_epoch_draws_every_clip_once_in_an_order_of_its_own():
    pixels = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    drawn = np.arange(3, 30)

    def passes():
        batches = Batches(Inputs([pixels]), np.arange(40) % 2, (0.5, 2.0), drawn, batch=8, seed=7)
        assert len(batches) == 4
        return [[batch for batch in batches] for _ in range(2)]

    first, second = passes()
    orders = [[int(x) for given, _, _ in one for x in given.pictures[0].flatten()] for one in (first, second)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(drawn)
    assert orders[0] != orders[1]
    assert orders[0] == [int(x) for given, _, _ in passes()[0] for x in given.pictures[0].flatten()]
    for ((clips,), present, variables), labels, weights in first:
        assert present is None and variables is None
        assert clips.dtype.is_floating_point is False
        assert [int(x) % 2 for x in clips.flatten()] == labels.int().tolist()
        assert weights.tolist() == [2.0 if label else 0.5 for label in labels]


def stored(folder, table):
    """Write a store of random clips for ``table``; return its samples."""
    generator = np.random.default_rng(2)
    for row in table:
        write_study(folder / row["path"], {row["clip_key"]: generator.integers(0, 256, SHAPE, dtype=np.uint8)})
    return read_samples(written(folder, table))


def test_an_index_is_made_again_only_where_a_file_or_the_samples_changed(tmp_path, monkeypatch):
    table = rows()
    samples = stored(tmp_path, table)
    first = index_pictures(samples, tmp_path, BRANCHES, tmp_path)
    content = index_file(tmp_path, 0).read_bytes()
    read = []
    plain = pictures.find_clips
    monkeypatch.setattr(pictures, "find_clips", lambda path, keys: read.append(path) or plain(path, keys))
    assert index_pictures(samples, tmp_path, BRANCHES, tmp_path) == first and read == []
    assert index_file(tmp_path, 0).read_bytes() == content
    write_study(tmp_path / table[3]["path"], {table[3]["clip_key"]: np.zeros(SHAPE, np.uint8)})
    assert index_pictures(samples, tmp_path, BRANCHES, tmp_path) != first and len(read) == len(samples)
    index_file(tmp_path, 0).write_bytes(content[:-40])
    again = index_pictures(samples, tmp_path, BRANCHES, tmp_path)
    assert len(read) == 2 * len(samples), "a damaged index is made again"
    assert again != first and not read_index(index_file(tmp_path, 0))[np.array([3])].any()


def test_a_clip_with_one_bit_changed_is_refused_and_one_that_vanishes_while_models_are_trained(tmp_path):
    table = rows()
    for row in table:
        clip = np.full(SHAPE, 7, np.uint8)
        facts = [{"clip_key": row["clip_key"], "digest": digest(clip.tobytes())}]
        write_study(tmp_path / row["path"], {row["clip_key"]: clip}, facts)
    samples = read_samples(written(tmp_path, table))
    index_pictures(samples, tmp_path, BRANCHES, tmp_path)
    found = read_index(index_file(tmp_path, 0))
    (tmp_path / table[2]["path"]).unlink()
    with pytest.raises(HomeError, match="changed while models were trained"):
        found[np.array([1, 2])]
    damaged = bytearray((tmp_path / table[4]["path"]).read_bytes())
    damaged[-1] ^= 1
    (tmp_path / table[4]["path"]).write_bytes(damaged)
    write_study(tmp_path / table[2]["path"], {table[2]["clip_key"]: np.zeros(SHAPE, np.uint8)})
    with pytest.raises(HomeError, match="missing or damaged"):
        index_pictures(samples, tmp_path, BRANCHES, tmp_path)

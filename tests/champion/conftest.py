"""A registry with a champion of two views and the health record, trained on next to nothing."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch

from echomort.champion.store import Facts, Parts, write_candidate, write_pointer
from echomort.models.fusion import FusionModel, LogisticStacker
from echomort.models.platt import Platt
from echomort.models.rows import LabelledRows
from echomort.models.tabular import encode, fit_nested
from echomort.models.view_model import save_network
from echomort.networks import build_network
from echomort.settings import ClipSettings, Tabular

CLIP = ClipSettings(frames=27, height=27, width=27)


def write_view(folder, view, seed):
    """Write a folder as a training leaves it."""
    torch.manual_seed(seed)
    content = save_network(build_network("cnn_3d", CLIP.shape))
    folder.mkdir(parents=True)
    (folder / "fold_0.safetensors").write_bytes(content)
    weights = {"0": {"file": "fold_0.safetensors", "sha256": hashlib.sha256(content).hexdigest()}}
    card = {"view": view, "network": "cnn_3d", "shape": CLIP.shape, "weights": weights}
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "scores.parquet").write_text("per-patient scores stay where they were made")
    return folder


def stack_of(columns, coefficients, intercept=0.0):
    """A stack with given weights on unstandardised scores."""
    one = LogisticStacker([0.0] * len(columns), [1.0] * len(columns), [], coefficients, intercept)
    return FusionModel("logistic", tuple(columns), {0: one})


@pytest.fixture
def parts(tmp_path):
    generator = np.random.default_rng(0)
    features = pd.DataFrame(generator.normal(size=(60, 2)), columns=["age", "lvef"])
    labels = (features["age"] > 0).astype(int)
    rows = LabelledRows.of(labels.tolist(), [row % 3 for row in range(60)], list(map(str, range(60))))
    tabular = fit_nested(encode(features), ("age", "lvef"), rows, Tabular(rounds=5)).model
    return Parts(
        views={view: write_view(tmp_path / "models" / view, view, seed) for seed, view in enumerate(("a4c", "plax"))},
        calibrations={"a4c": Platt(0.5, -1.0), "plax": Platt(0.8, -0.5), "video": Platt(1.0, 0.1)},
        stacks={"video": stack_of(["a4c", "plax"], [2.0, 1.0], -0.3)},
        tabular=tabular,
    )


@pytest.fixture
def stack():
    """Makes a stack with given weights on unstandardised scores."""
    return stack_of


@pytest.fixture
def facts():
    return Facts(clip=CLIP, synthetic=True, metrics={"auc": 0.8}, provenance={"seed": 1})


@pytest.fixture
def registry(tmp_path, parts, facts):
    """A registry with a champion."""
    root = tmp_path / "registry"
    write_pointer(root, name := write_candidate(root, parts, facts), ["a test"], name)
    return root


@pytest.fixture
def clips():
    return np.random.default_rng(1).integers(0, 256, (3, *CLIP.shape), dtype=np.uint8)

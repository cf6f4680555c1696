"""A champion of random weights, and the real files of pydicom that tests score with it."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import torch

from echomort.champion.model import Champion
from echomort.champion.predict import Prediction, score_files
from echomort.champion.store import Facts, Parts, write_candidate, write_pointer
from echomort.models.platt import Platt
from echomort.models.view_model import save_network
from echomort.networks import build_network
from echomort.settings import ClipSettings

SMALL = ClipSettings(frames=30, height=27, width=37, fps=15)
FILES = Path(str(resources.files("pydicom"))) / "data" / "test_files"
LOOP, STILL = FILES / "examples_ybr_color.dcm", FILES / "examples_rgb_color.dcm"


def written_champion(root, folds, network="cnn_3d", ranges=None):
    """A registry whose champion has two views, each of networks of random weights, one a fold."""
    for seed, view in enumerate(("apical_4", "parasternal_long")):
        (root / view).mkdir()
        entries = {}
        for fold in range(folds):
            torch.manual_seed(10 * fold + seed)
            weights = save_network(build_network(network, SMALL.shape))
            (root / view / f"fold_{fold}.safetensors").write_bytes(weights)
            entries[str(fold)] = {"file": f"fold_{fold}.safetensors", "sha256": hashlib.sha256(weights).hexdigest()}
        card = {"view": view, "network": network, "shape": SMALL.shape, "weights": entries}
        (root / view / "model.json").write_text(json.dumps(card))
    views = ("apical_4", "parasternal_long")
    parts = Parts({view: root / view for view in views}, {view: Platt(1.0, -1.0) for view in views})
    write_pointer(
        root, name := write_candidate(root, parts, Facts(SMALL, True, {}, {}, ranges=ranges or {})), ["a test"], name
    )
    return root


def predict_paths(paths: Sequence[Path], registry: Path, view: str | None = None) -> Iterator[Prediction]:
    """Yield the prediction of each file by the champion of ``registry``."""
    for one in score_files(paths, Champion.load(registry), view):
        yield one.prediction

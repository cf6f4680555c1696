"""The authors' weights: a file of their layout gives the network that Keras would run; anything else is refused."""

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from echomort.core.errors import UserError
from echomort.models.keras import SHAPE, import_published, load_published
from echomort.models.platt import sigmoid
from echomort.models.view_model import score_clips
from orchestration.cli.__main__ import app

h5py = pytest.importorskip("h5py", reason="the extra `weights` is not installed")

LAYERS = ["fc3d_conv3d_{}_3d2", "fc3d_bn_{}", "fc3d_conv3d2_{}", "fc3d_bn2_{}"]
SIZES = [(1, 4), (4, 8), (8, 16)]
Layers = dict[str, dict[str, np.ndarray]]


def random_layers(seed: int = 2) -> Layers:
    """Weights of the published layout: the first normalisation expects raw pixels, as the authors' does."""
    rng, layers = np.random.default_rng(seed), {}
    for unit, (inputs, filters) in enumerate(SIZES):
        for place, (conv, norm) in enumerate((LAYERS[:2], LAYERS[2:])):
            into = (inputs, filters)[place]
            scale = 40.0 if (unit, place) == (0, 0) else 1.0
            kernel = rng.normal(0, (1 / (27 * into)) ** 0.5, (3, 3, 3, into, filters))
            layers[conv.format(unit)] = {"kernel": kernel, "bias": rng.normal(0, 0.1, filters)}
            layers[norm.format(unit)] = {
                "gamma": rng.uniform(-1.5, 1.5, filters),
                "beta": rng.normal(0, 0.3, filters),
                "moving_mean": rng.normal(0, 0.3 * scale, filters),
                "moving_variance": rng.uniform(0.5, 1.5, filters) * scale**2,
            }
    layers["fc3d2_out"] = {"kernel": rng.normal(0, 0.05, (640, 1)), "bias": rng.normal(0, 0.1, 1)}
    return {name: {key: value.astype(np.float32) for key, value in one.items()} for name, one in layers.items()}


def write(path: Path, layers: Layers) -> Path:
    """Write ``layers`` as Keras 2.2 saves weights: LAYER/LAYER_1/WEIGHT:0; layers without weights are empty groups."""
    with h5py.File(path, "w") as file:
        names = [*layers, "video_vector", "dropout"]
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.2.4-tf"
        for name in names:
            group = file.create_group(name)
            weights = {f"{name}_1/{key}:0": value for key, value in layers.get(name, {}).items()}
            group.attrs["weight_names"] = [key.encode() for key in weights]
            for key, value in weights.items():
                group.create_dataset(key, data=value)
    return path


def convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A convolution of kernel 3 with zeros around ('same'); ``x`` (frames, rows, columns, channels), float64."""
    padded = np.pad(x, ((1, 1), (1, 1), (1, 1), (0, 0)))
    frames, rows, columns, _ = x.shape
    total = np.zeros((*x.shape[:3], kernel.shape[-1])) + bias
    for i, j, k in np.ndindex(3, 3, 3):
        total += np.tensordot(padded[i : i + frames, j : j + rows, k : k + columns], kernel[i, j, k], 1)
    return total


def normalised(x: np.ndarray, norm: dict[str, np.ndarray]) -> np.ndarray:
    scale = norm["gamma"].astype(float) / np.sqrt(norm["moving_variance"].astype(float) + 1e-3)
    return (x - norm["moving_mean"]) * scale + norm["beta"]


def pooled(x: np.ndarray) -> np.ndarray:
    frames, rows, columns = (edge // 3 for edge in x.shape[:3])
    cells = x[: 3 * frames, : 3 * rows, : 3 * columns].reshape(frames, 3, rows, 3, columns, 3, -1)
    return cells.max((1, 3, 5))


def features_of(clip: np.ndarray, layers: Layers) -> np.ndarray:
    """The published network up to its last layer in float64, as its layers are described (preprint, Ext. Table 6)."""
    x = clip[..., None].astype(np.float64)
    for unit in range(3):
        for conv, norm in (LAYERS[:2], LAYERS[2:]):
            kernel, bias = (layers[conv.format(unit)][key].astype(float) for key in ("kernel", "bias"))
            x = np.maximum(normalised(convolved(x, kernel, bias), layers[norm.format(unit)]), 0)
        x = pooled(x)
    return x.reshape(-1)


def clip_of(seed: int = 0) -> np.ndarray:
    """A clip of uneven grey with two seconds of slow change, uint8 (60, 109, 150)."""
    rng = np.random.default_rng(seed)
    still = rng.integers(0, 180, SHAPE[1:])
    beat = (40 * np.sin(np.arange(SHAPE[0]) / 5)[:, None, None] + 40) * (still > 60)
    return (still + beat * rng.random(SHAPE)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    import_published(write(folder / "model.h5", random_layers()), folder / "imported")
    return folder


def test_the_network_gives_what_the_layers_give_in_float64(imported: Path) -> None:
    clip, layers = clip_of(), random_layers()
    features, out = features_of(clip, layers), layers["fc3d2_out"]
    expected = float(features @ out["kernel"][:, 0].astype(float) + out["bias"][0])
    assert (features > 0).mean() > 0.3 and 0.05 < abs(expected) < 5, "neither dead, nor chance, nor saturated"
    (logit,) = score_clips(load_published(imported / "imported"), clip[None])
    assert sigmoid(logit) == pytest.approx(sigmoid(expected), abs=1e-6)
    assert score_clips(load_published(imported / "model.h5"), clip[None]) == logit
    channels_first = features.reshape(40, 16).T.reshape(-1)
    assert abs(expected - channels_first @ out["kernel"][:, 0] - out["bias"][0]) > 1e-2, "the order of features shows"


def test_the_card_says_what_was_imported_from_what(imported: Path) -> None:
    card = json.loads((imported / "imported" / "model.json").read_text())
    weights, source = (imported / "imported" / "weights.safetensors").read_bytes(), (imported / "model.h5").read_bytes()
    assert (card["network"], card["view"], card["shape"]) == ("cnn_3d", "apical_4", [60, 109, 150])
    assert card["weights"]["sha256"] == hashlib.sha256(weights).hexdigest()
    assert card["source"]["sha256"] == hashlib.sha256(source).hexdigest()
    assert sum(np.prod(shape) for layer in card["source"]["layers"].values() for shape in layer.values()) == 14_421
    assert sorted(path.name for path in (imported / "imported").iterdir()) == ["model.json", "weights.safetensors"]


def test_the_command_imports_what_predict_takes(imported: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["weights", "import", str(imported / "model.h5"), "-o", str(tmp_path / "w")])
    assert done.exit_code == 0 and "network cnn_3d, view apical_4" in done.output
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "w" / name).read_bytes() == (imported / "imported" / name).read_bytes()


@pytest.mark.parametrize("name", ["variance_model.h5", "moving_variance.h5"])
def test_the_name_of_the_file_does_not_decide(tmp_path: Path, name: str) -> None:
    usual, other = (write(tmp_path / one, random_layers()) for one in ("model.h5", name))
    assert str(load_published(other)) == str(load_published(usual))


def without(layers: Layers, name: str) -> Layers:
    return {key: value for key, value in layers.items() if key != name}


def changed(layer: str, weight: str, value: object) -> Layers:
    layers = random_layers()
    return layers | {layer: layers[layer] | {weight: np.asarray(value)}}


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (without(random_layers(), "fc3d_bn2_1"), "no layer fc3d_bn2_1"),
        (random_layers() | {"dense_7": {"kernel": np.zeros((3, 3))}}, "no layer 'dense_7'"),
        (changed("fc3d_conv3d2_2", "kernel", np.zeros((3, 3, 16, 16))), "fc3d_conv3d2_2 kernel is 3x3x16x16 float64"),
        (changed("fc3d2_out", "kernel", np.zeros((640, 2))), "fc3d2_out kernel is 640x2"),
        (changed("fc3d2_out", "bias", np.zeros(1, int)), "fc3d2_out bias is 1 int64, not 1 numbers"),
        (changed("fc3d_bn_0", "gamma", [1, 1, np.nan, 1.0]), "fc3d_bn_0 gamma holds values that are not numbers"),
        (changed("fc3d_bn_0", "moving_variance", [1, 1, -1.0, 1]), "a variance below 0"),
        (changed("fc3d_bn_1", "scale", np.ones(8)), "fc3d_bn_1 has the weights beta, gamma, moving_mean"),
        ({}, "no layer fc3d2_out"),
    ],
)
def test_a_file_of_another_layout_names_the_layer(tmp_path: Path, layers: Layers, told: str) -> None:
    source = write(tmp_path / "model.h5", layers)
    for read in (load_published, lambda path: import_published(path, tmp_path / "imported")):
        with pytest.raises(UserError, match=r"only the authors' model\.h5") as error:
            read(source)
        assert told in str(error.value)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1\n",
        pickle.dumps({"fc3d2_out": 1}),
        b"\x89HDF\r\n\x1a\n" + bytes(90),
    ],
    ids=["empty", "pointer", "pickle", "damaged"],
)
def test_what_is_no_hdf5_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(UserError, match="no HDF5 file"):
        load_published(tmp_path / "model.h5")


def test_a_truncated_file_is_refused_and_a_missing_one_named(imported: Path, tmp_path: Path) -> None:
    content = (imported / "model.h5").read_bytes()
    (tmp_path / "model.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="damaged"):
        load_published(tmp_path / "model.h5")
    with pytest.raises(UserError, match="can't be read"):
        load_published(tmp_path / "none.h5")
    with pytest.raises(UserError, match="exists already"):
        import_published(imported / "model.h5", imported / "imported")


def test_weights_behind_a_link_to_another_file_are_not_read(imported: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as file:
        for name in random_layers():
            file[name] = h5py.ExternalLink(str(imported / "model.h5"), f"/{name}")
    with pytest.raises(UserError, match="no layer"):
        load_published(tmp_path / "model.h5")


def damaged(folder: Path, to: Path, weights: bytes, believed: bool) -> Path:
    """Copy an imported model with other weights; ``believed``: the card has their SHA-256."""
    card = json.loads((folder / "model.json").read_text())
    to.mkdir()
    (to / "weights.safetensors").write_bytes(weights)
    card["weights"]["sha256"] = hashlib.sha256(weights).hexdigest() if believed else card["weights"]["sha256"]
    (to / "model.json").write_text(json.dumps(card))
    return to


def test_weights_that_are_not_those_imported_are_refused(imported: Path, tmp_path: Path) -> None:
    whole = (imported / "imported" / "weights.safetensors").read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    nan = whole[:-4] + np.float32("nan").tobytes()
    cases = {
        "SHA-256 differs": (flipped, False),
        "does not hold the network": (pickle.dumps({"head": 1}), True),
        "not numbers": (nan, True),
    }
    for number, (told, (weights, believed)) in enumerate(cases.items()):
        folder = damaged(imported / "imported", tmp_path / str(number), weights, believed)
        with pytest.raises(UserError, match=told) as error:
            load_published(folder)
        assert "echomort weights import" in str(error.value)


@pytest.mark.parametrize(
    "card",
    [
        "{}",
        "[]",
        '{"network": "cnn_3d_gap", "shape": [60, 109, 150], "weights": {}, "view": "", "source": {}}',
        '{"network": "cnn_3d", "shape": 3, "weights": {}, "view": "", "source": {}}',
        '{"network": "cnn_3d", "shape": [60, 109, 150], "weights": {}, "view": "", "source": {}}',
    ],
)
def test_a_card_of_another_form_is_refused(tmp_path: Path, card: str) -> None:
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(UserError, match="echomort weights import"):
        load_published(tmp_path)

"""docs/extending/network.md does what it says."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from extending.pages import Site, install

from echomort.clips.store import artifact_of, write_study

SETTINGS = """
from pathlib import Path
from echomort.settings import load_settings
settings = load_settings(Path("echomort.yaml"), {flags}, {{}})
"""
TRAIN = """
from echomort.models.view_model import ViewModel
from echomort.training import Branch, Task, train
if __name__ == "__main__":
    quick = {"max_epochs": 1, "networks": 1, "stopping": "fixed", "fold_processes": 1}
    training = settings.training.model_copy(update=quick)
    task = Task(view="apical_4", branches=(Branch(name="apical_4", shape=(9, 27, 27)),),
                samples=Path("samples.parquet"), clips=Path("."), output=Path("model"), training=training)
    train(task, lambda progress: None)
    model = ViewModel.load(Path("model"))
    print(model.network, {one.conv.out_channels for one in model.folds.values()})
"""


LOAD = """
from pathlib import Path
print({one.conv.out_channels for one in ViewModel.load(Path("model")).folds.values()})
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return install("network.md", tmp_path)


def settings(**flags: object) -> str:
    return SETTINGS.format(flags={f"training.{name}": value for name, value in flags.items()})


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def leave_out_settings(site: Site) -> None:
    replace(site.folder / "echomort.yaml", "  network_settings: {filters: 6}\n", "")


def write_clips(folder: Path) -> None:
    """Two clips a fold, for three folds."""
    rows = []
    for index in range(6):
        patient, study, clip = f"{index:032x}", f"{index + 100:032x}", f"{index + 200:032x}"
        path = artifact_of(patient, study)
        write_study(folder / path, {clip: np.full((9, 27, 27), 40 * index, np.uint8)})
        row = {"clip_key": clip, "study_key": study, "patient_key": patient, "path": path}
        rows.append(row | {"fold": index // 2, "label": index % 2})
    pq.write_table(pa.Table.from_pylist(rows), folder / "samples.parquet")


@pytest.mark.slow
def test_a_network_of_another_package_is_trained_with_its_own_settings_and_read_again(site: Site) -> None:
    write_clips(site.folder)
    assert site.python(settings() + TRAIN).strip() == "acme_wide {6}"


@pytest.mark.slow
def test_a_trained_model_is_read_after_a_default_of_its_network_changed(site: Site) -> None:
    write_clips(site.folder)
    leave_out_settings(site)
    assert site.python(settings() + TRAIN).strip() == "acme_wide {8}"
    replace(site.folder / "acme_networks.py", "Field(8,", "Field(12,")
    assert site.python(TRAIN[: TRAIN.index("if ")] + LOAD).strip() == "{8}"


def test_a_setting_that_a_network_requires_is_asked_for_before_any_training(site: Site) -> None:
    write_clips(site.folder)
    leave_out_settings(site)
    replace(site.folder / "acme_networks.py", "Field(8,", "Field(")
    error = site.python(settings() + TRAIN, fails=True).splitlines()[-1]
    assert "training.network_settings.filters: Field required" in error
    assert not (site.folder / "model.partial").exists()


def test_its_code_and_settings_decide_the_training(site: Site) -> None:
    recipe = (
        "from assets.training.view_models import VIEW_MODELS\n"
        "print(*(f'{part} {value}' for part, value in sorted(VIEW_MODELS.recipe(settings).items())), sep='\\n')\n"
    )
    before = set(site.python(settings() + recipe).splitlines())
    assert not [part for part in before if "networks/cnn_3d.py" in part], "a network that is not chosen decides nothing"
    replace(site.folder / "acme_networks.py", "stride=3", "stride=2")
    changed = before ^ set(site.python(settings() + recipe).splitlines())
    assert {part.rpartition(" ")[0] for part in changed} == {"package acme-networks"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"network_settings": {"filters": 0}}, "training.network_settings.filters"),
        ({"network_settings": {"filter": 3}}, "settings of the network acme_wide: filters"),
        ({"network": "acme"}, "known networks: cnn_2d_gap, cnn_2d_lstm"),
        ({"network": "acme"}, "is known once that package is installed"),
    ],
)
def test_impossible_settings_are_one_line_with_the_remedy(site: Site, flags: dict, said: str) -> None:
    assert said in site.python(settings(**flags), fails=True).splitlines()[-1]


def test_too_small_a_clip_is_refused_before_any_training_whatever_the_name(site: Site) -> None:
    write_clips(site.folder)
    error = site.python(settings() + TRAIN.replace("(9, 27, 27)", "(8, 27, 27)"), fails=True)
    assert "clips of 8x27x27 are too small for the network acme_wide" in error.splitlines()[-1]


def test_a_network_that_can_not_be_imported_stops_nothing_but_itself(site: Site) -> None:
    (site.folder / "acme_networks.py").write_text("import no_such_library\n")
    build = "from echomort.networks import build_network\nprint(type(build_network('cnn_3d', (27, 27, 27))).__name__)"
    assert site.python(build).strip() == "Cnn3d"
    error = site.python(build.replace("cnn_3d", "acme_wide"), fails=True).splitlines()[-1]
    assert "no_such_library" in error and "acme_networks:NETWORK" in error and "mend that package" in error

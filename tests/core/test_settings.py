"""Settings: layers, refusals that name the key and the remedy, provenance."""

import re
from pathlib import Path

import pydantic
import pytest
import yaml

from docs.generators.settings_table import PILOT_REASONS, lines
from echomort.core.errors import UserError
from echomort.settings import PRESETS, Settings, gather, load_settings, parse_flags, read_preset, validate


def test_flags_win_over_environment_over_file_over_preset(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("preset: demo\ntraining: {batch: 3, patience: 3, max_epochs: 3}\n")
    environment = {"ECHOMORT__TRAINING__PATIENCE": "4", "ECHOMORT__TRAINING__MAX_EPOCHS": "4", "ECHOMORT_HOME": "x"}
    training = load_settings(file, {"training.max_epochs": 5}, environment).training
    assert (training.optimizer, training.batch, training.patience, training.max_epochs) == (
        read_preset("demo")["training"]["optimizer"],
        3,
        4,
        5,
    )


def test_an_own_archive_takes_the_standard_preset_and_no_synthetic_one():
    settings = load_settings(flags={"sources.dicom": "/archive", "sources.ehr": "/extract"}, environment={})
    assert settings.preset == "standard"
    assert not settings.is_synthetic
    assert settings.imaging.clip.shape == (60, 109, 150)


def test_nothing_given_is_the_demo_on_the_embedded_archive():
    settings = load_settings(environment={})
    assert settings.preset == "demo"
    assert settings.is_synthetic


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("training.max_epoch", 3, ["training.max_epoch", "training.max_epochs"]),
        ("trainning.batch", 3, ["trainning", "training"]),
        ("training[batch]", 3, ["unknown setting training[batch]"]),
        ("training.batch", 0, ["training.batch", "greater than or equal to 1"]),
        ("outcome.horizon_days", -1, ["outcome.horizon_days"]),
        ("outcome.follow_up", "hope", ["outcome.follow_up", "encounter"]),
        ("sources.synthetic.patients", "many", ["sources.synthetic.patients"]),
        ("preset", "fast", ["preset", "demo"]),
        ("training", None, ["training", "leave it out"]),
        ("training.views", "apical_4", ["training.views", "[a, b]"]),
        ("training.batch", True, ["training.batch: write a number, not true"]),
        ("training.batch", 4.5, ["training.batch: write a whole number"]),
        ("tabular.learning_rate", True, ["tabular.learning_rate: write a number, not true"]),
        ("outcome.horizons", [True], ["outcome.horizons: write a number, not true"]),
        ("imaging.frame_rates", 30, ["imaging.frame_rates: write names with values"]),
        ("outcome.require_full_window", 1, ["outcome.require_full_window: write true or false"]),
        ("outcome.require_full_window", "maybe", ["outcome.require_full_window: write true or false"]),
        ("sources.extracted_on", 0, ["sources.extracted_on: write a day"]),
        ("sources.dicom", "", ["sources.dicom: write a path"]),
        ("sources.dicom", 5, ["sources.dicom: write a path"]),
        ("execution.memory_limit_gib", float("inf"), ["execution.memory_limit_gib", "finite"]),
    ],
)
def test_unknown_keys_and_impossible_values_name_key_and_remedy(key, value, told):
    with pytest.raises(UserError) as error:
        load_settings(flags={key: value}, environment={})
    for part in told:
        assert part in str(error.value)


@pytest.mark.parametrize(("text", "number"), [("010", 10), ("0x10", 16), ("1_0", 10), ("-0", 0)])
def test_a_number_is_what_a_person_reads(text, number):
    assert parse_flags([f"training.seed={text}"]) == {"training.seed": number}
    for time in ("1:30", "1:30.5"):
        assert parse_flags([f"imaging.file_timeout={time}"]) == {"imaging.file_timeout": time}


def test_a_text_that_says_true_or_false_is_one():
    """A tool that fills in a configuration puts values in quotes."""
    assert not load_settings(flags={"outcome.require_full_window": "false"}, environment={}).outcome.require_full_window


def test_registry_follow_up_needs_its_date():
    with pytest.raises(UserError, match="registry_complete_through"):
        load_settings(flags={"outcome.follow_up": "registry"}, environment={})


def test_settings_are_immutable():
    with pytest.raises(pydantic.ValidationError):
        load_settings(environment={}).training.batch = 4  # type: ignore[misc]


def test_broken_files_say_where(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("training: {batch: 3\nx: [")
    with pytest.raises(UserError, match="not valid YAML at line"):
        load_settings(file, environment={})
    with pytest.raises(UserError, match="does not exist"):
        load_settings(tmp_path / "none.yaml", environment={})
    with pytest.raises(UserError, match="can't be read"):
        load_settings(tmp_path, environment={})
    for content, told in (
        (b"- a list\n", "not a mapping"),
        (b"training: {batch: 4}\nprivacy: {}\ntraining: {seed: 9}\n", "at line 3 .* training is there twice"),
        (b"sources:\n  extracted_on: 2024-06-31\n", "at line 2 .* 2024-06-31 is no day"),
        (b"training:\n  batch: !!int x\n", "at line 2 .* a value can't be read"),
        (b"training: " + b"[" * 9999, "not valid YAML"),
        ("privacy: {key_file: schlüssel}".encode("latin-1"), "not valid YAML"),
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match=told):
            load_settings(file, environment={})
    file.write_bytes("cohort: {salt: ü}".encode("utf-16"))
    assert load_settings(file, environment={}).cohort.salt == "ü"


def test_a_view_may_be_learnt_from_no_fewer_loops_than_it_needs():
    with pytest.raises(UserError, match="max_clips is below min_clips"):
        load_settings(flags={"imaging.views.max_clips": 30})


def test_a_flag_without_a_value_is_refused():
    with pytest.raises(UserError, match="key=value"):
        parse_flags(["training.batch"])
    with pytest.raises(UserError, match=r"outcome.registry_complete_through .* 2023-02-29 is no day"):
        parse_flags(["outcome.registry_complete_through=2023-02-29"])


def test_a_misspelt_variable_of_the_environment_is_refused():
    with pytest.raises(UserError, match="ECHOMORT__CLINICAL_SCORES__OUT_OF_RANGE"):
        load_settings(environment={"ECHOMORT_CLINICAL_SCORES__OUT_OF_RANGE": "strict"})


def provenances(preset):
    settings = validate(gather(flags={"preset": preset}, environment={}))
    return {key: provenance for key, _, provenance, _ in settings.provenance()}


def test_every_method_setting_has_a_provenance_and_a_value_that_is_not_the_papers_is_ours():
    demo, standard, paper = map(provenances, ("demo", "standard", "paper"))
    assert demo["imaging.clip.frames"] == "ours"
    assert demo["training.network"] == standard["imaging.clip.frames"] == "published"
    assert (standard["training.max_epochs"], paper["training.max_epochs"]) == ("ours", "published")
    assert paper["cohort.minimum_age"] == "recalled"
    assert all(meaning for *_, meaning in Settings().provenance())


def test_every_preset_is_valid_over_the_same_settings_and_standard_is_every_default():
    for preset in PRESETS:
        assert load_settings(flags={"preset": preset}, environment={}).preset == preset
    own = {"sources.dicom": "/archive", "sources.ehr": "/extract"}
    standard = load_settings(flags={"preset": "standard", **own}, environment={})
    assert standard == Settings(preset="standard", sources=standard.sources)


def test_the_demo_derives_from_the_standard_preset():
    demo, standard = (load_settings(flags={"preset": name}, environment={}) for name in ("demo", "standard"))
    assert (demo.training.validation_classes, demo.cohort.studies) == ("proportional", "all")
    assert demo.features == standard.features


def test_every_value_of_the_pilot_has_its_reason_on_the_page():
    pilot, standard = (
        {key: value for key, value, *_ in load_settings(flags={"preset": name}, environment={}).provenance()}
        for name in ("pilot", "standard")
    )
    assert {key for key in pilot if pilot[key] != standard[key]} == PILOT_REASONS.keys()


def test_the_page_of_settings_is_the_one_that_its_command_prints():
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    assert page == "\n".join(lines()) + "\n", "run `python -m docs.generators.settings_table > docs/settings.md`"


def test_the_page_of_settings_shows_values_as_a_person_writes_them():
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    shown = dict(re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", page, re.MULTILINE))
    written = {key: yaml.safe_load(value) for key, value in shown.items() if not key.startswith("sources.")}
    assert len(written) > 60 and "None" not in shown.values()
    assert load_settings(flags={"preset": "standard", **written}, environment={}) == load_settings(
        flags={"preset": "standard"}, environment={}
    )

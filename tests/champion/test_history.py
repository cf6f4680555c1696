"""A person's decisions on the champion are carried out whole, or refused in one line; and each is in the history."""

import json
from dataclasses import replace

import pytest
from projects import Home

from echomort.champion.history import PROMOTION, ROLLBACK, candidates, choose, rolled_back, shown
from echomort.champion.model import Champion
from echomort.champion.store import (
    POINTER,
    add_to_history,
    champion_name,
    read_history,
    read_pointer,
    read_sealed_risks,
    read_trained_patients,
    restored_pointer,
    write_candidate,
    write_pointer,
    write_sealed_risks,
    write_trained_patients,
)
from echomort.core.audit import read_log
from echomort.core.errors import UserError
from echomort.settings import CONFIG_NAME

FLIPPED = "one bit"


@pytest.fixture
def two(registry, parts, facts):
    """(former champion, champion) of a registry whose history has both."""
    first = champion_name(registry)
    second = write_candidate(registry, parts, replace(facts, metrics={"auc": 0.9}))
    add_to_history(registry, {"candidate": first, "promoted": True, "reasons": ["the first"], "standing": None})
    standing = {"champion": first, "reference": first}
    add_to_history(registry, {"candidate": second, "promoted": True, "reasons": ["better"], "standing": standing})
    write_pointer(registry, second, ["better"], first)
    return first, second


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_rollback_is_recorded_and_the_gate_does_not_undo_it(registry, two, tmp_path):
    first, second = two
    choose(registry, first, "worse at site B", ROLLBACK, tmp_path)
    assert read_pointer(registry).candidate == first and read_pointer(registry).reference == first
    assert Champion.load(registry).name == first
    last = read_history(registry)[-1]
    assert (last["candidate"], last["reasons"], last["by_hand"]) == (first, ["worse at site B"], ROLLBACK)
    assert last["by"] and last["on"] and last["standing"]["champion"] == second
    assert rolled_back(registry, second) and not rolled_back(registry, first)
    states = {row["candidate"]: row["state"] for row in candidates(registry)}
    assert states == {first: "champion", second: "former champion"}
    choose(registry, second, "it was the scanner", PROMOTION, tmp_path)
    assert not rolled_back(registry, second)
    assert champion_name(registry) == second


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: flip(folder / "views" / "plax" / "fold_0.safetensors"), "is not the one that was trained"),
        (lambda folder: (folder / "views" / "a4c" / "model.json").unlink(), "is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "missing or not the one"),
    ],
)
@pytest.mark.parametrize("kind", [ROLLBACK, PROMOTION])
def test_a_candidate_that_lacks_a_file_is_refused_and_nothing_changes(registry, two, tmp_path, spoil, words, kind):
    first, second = two
    spoil(registry / "candidates" / first)
    before = read_history(registry), (registry / POINTER).read_text()
    with pytest.raises(UserError, match=words):
        choose(registry, first, "a reason", kind, tmp_path)
    assert (read_history(registry), (registry / POINTER).read_text()) == before
    assert champion_name(registry) == second


def test_what_can_not_be_chosen_is_named(registry, two, parts, facts, tmp_path):
    first, second = two
    never = write_candidate(registry, parts, replace(facts, metrics={"auc": 0.5}))
    for name, kind, words in (
        (second, ROLLBACK, "champion already"),
        (never, ROLLBACK, "never was champion"),
        ("0123456789abcdef", PROMOTION, "missing"),
        ("../../etc", PROMOTION, "not a safe folder name"),
    ):
        with pytest.raises(UserError, match=words):
            choose(registry, name, "a reason", kind, tmp_path)
    assert [row["state"] for row in candidates(registry)] == ["former champion", "champion", "candidate"]
    assert shown(registry, first, 10)["decisions"][0]["reasons"] == ["the first"]


def test_the_figures_of_a_decision_on_too_few_deaths_are_not_shown(registry, two):
    _, second = two
    for deaths in (9, 10):
        judged = {"patients": 60, "deaths": deaths, "auc": {"value": 0.25}}
        add_to_history(registry, {"candidate": second, "promoted": False, "reasons": ["no"], "judged": judged})
    _, few, enough = (one.get("judged") for one in shown(registry, second, 10)["decisions"])
    assert few == {"patients": 60, "deaths": 9, "figures": "no result: fewer than 10 deaths or survivors"}
    assert enough["auc"] == {"value": 0.25}


def test_a_comparison_and_a_group_of_too_few_have_no_figure_and_no_count(registry, two):
    _, second = two
    groups = {"sex=female": {"patients": 20, "deaths": 4, "difference": -0.3, "high": -0.2}, "sex=male": [-0.1, -0.05]}
    groups["age=65"] = {"patients": 40, "deaths": 12, "difference": -0.1, "high": 0.1}
    champion = {"patients": 60, "deaths": 16, "difference": 0.1, "groups": groups}
    judged = {"patients": 62, "deaths": 17, "champion": champion, "reference": {**champion, "deaths": 5}}
    add_to_history(registry, {"candidate": second, "promoted": False, "reasons": ["no"], "judged": judged})
    found = shown(registry, second, 10)["decisions"][-1]["judged"]
    withheld = {"figures": "suppressed: fewer than 10 deaths or survivors"}
    assert found["reference"] == withheld == found["champion"]["groups"]["sex=female"]
    assert found["champion"]["groups"]["sex=male"] == {"figures": "kept without the number of deaths"}
    assert (found["champion"]["difference"], found["champion"]["groups"]["age=65"]) == (0.1, groups["age=65"])


def test_a_lost_pointer_comes_back_from_the_history(registry, two):
    first, second = two
    before = read_pointer(registry)
    (registry / POINTER).unlink()
    assert restored_pointer(registry) == before
    assert (before.candidate, before.reference) == (second, first)


@pytest.mark.parametrize("content", ["", "{", '{"candidate": "a"}'])
def test_a_pointer_that_can_not_be_read_is_named_with_what_brings_it_back(registry, two, content):
    before = read_pointer(registry)
    (registry / POINTER).write_text(content)
    with pytest.raises(UserError, match="delete it and run"):
        read_pointer(registry)
    (registry / POINTER).unlink()
    assert restored_pointer(registry) == before


@pytest.mark.parametrize("read", [read_sealed_risks, read_trained_patients])
def test_a_damaged_table_of_the_registry_is_one_line(registry, two, read):
    write_sealed_risks(registry, two[0], {"s1": 0.5})
    write_trained_patients(registry, two[0], ["p1"])
    assert read(registry, two[0])
    for file in registry.glob("*/*.parquet"):
        file.write_bytes(b"PAR1 not a table")
    with pytest.raises(UserError, match=r"registry/.*can't be read: restore"):
        read(registry, two[0])
    for file in registry.glob("*/*.parquet"):
        file.unlink()
    assert not read(registry, two[0])


def test_a_flipped_model_never_enters_a_candidate(registry, parts, facts):
    before = sorted(path.name for path in (registry / "candidates").iterdir())
    flip(parts.views["plax"] / "fold_0.safetensors")
    with pytest.raises(UserError, match="is not the one that was trained"):
        write_candidate(registry, parts, replace(facts, metrics={"auc": 0.91}))
    assert sorted(path.name for path in (registry / "candidates").iterdir()) == before


def test_the_commands_speak_in_lines(registry, two, tmp_path):
    first, second = two
    home = Home(tmp_path)
    (tmp_path / "warehouse.duckdb").touch()
    (tmp_path / CONFIG_NAME).write_text("preset: standard\n")
    listed = [json.loads(line) for line in home.here("champion", "list", "--json").stdout.splitlines()]
    assert [row["candidate"] for row in listed] == [first, second]
    assert json.loads(home.here("champion", "show").stdout)["candidate"] == second
    said = home.here("champion", "promote", first, "--because", " ")
    assert said.status == 2 and "--because is empty" in said.stderr
    said = home.here("champion", "rollback", "nothing")
    failed = read_log(tmp_path)[-1]
    assert (failed["command"], failed["event"], failed["objects"]) == ("champion rollback", "failed", [])
    assert said.status == 2 and said.stderr.startswith("echomort: ") and "Traceback" not in said.stderr
    assert champion_name(registry) == second

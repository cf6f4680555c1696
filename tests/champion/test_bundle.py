"""A bundle is a candidate as one file: the same model on the other side, or a reason why not."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from echomort.champion.bundle import unpack_bundle, write_bundle
from echomort.champion.model import Champion
from echomort.champion.store import champion_name, write_sealed_risks, write_trained_patients
from echomort.core.errors import UserError


@pytest.fixture
def bundle(registry, tmp_path):
    file = tmp_path / "champion.zip"
    write_bundle(registry, champion_name(registry), file)
    return file


def test_the_unpacked_candidate_gives_the_same_risks(registry, bundle, tmp_path, clips):
    name = unpack_bundle(bundle, tmp_path / "elsewhere")
    here, there = Champion.load(registry), Champion.load(tmp_path / "elsewhere", name)
    assert name == champion_name(registry) and here.manifest == there.manifest
    for view in ("a4c", "plax"):
        assert here.score_clip(clips[0], view) == there.score_clip(clips[0], view)


def test_equal_candidates_give_equal_bytes(registry, bundle, tmp_path):
    write_bundle(registry, champion_name(registry), tmp_path / "again.zip")
    assert bundle.read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_it_holds_the_candidate_and_nothing_of_a_patient(registry, tmp_path):
    name, key = champion_name(registry), "f" * 32
    write_sealed_risks(registry, name, {key: 0.5})
    write_trained_patients(registry, name, [key])
    write_bundle(registry, name, tmp_path / "champion.zip")
    with zipfile.ZipFile(tmp_path / "champion.zip") as archive:
        names = {one.removeprefix(f"{name}/") for one in archive.namelist()}
        manifest = json.loads(archive.read(f"{name}/manifest.json"))
        assert names == {"manifest.json", *manifest["files"]}
        assert not any(key.encode() in archive.read(one) for one in archive.namelist())


def test_an_existing_file_is_not_replaced(registry, bundle):
    with pytest.raises(UserError, match="exists already"):
        write_bundle(registry, champion_name(registry), bundle)
    with pytest.raises(UserError, match="can't be written"):
        write_bundle(registry, champion_name(registry), bundle.parent / "absent" / "b.zip")


def test_no_flipped_byte_passes(bundle, tmp_path):
    """Wherever a byte is flipped: the bundle is refused in words, or the models in it are bit for bit the same."""
    whole, random = bundle.read_bytes(), np.random.default_rng(0)
    expected = unpacked(whole, tmp_path, "whole")
    refused = 0
    for number, place in enumerate(random.choice(len(whole), 150, replace=False)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(random.integers(8))
        try:
            assert unpacked(bytes(flipped), tmp_path, str(number)) == expected
        except UserError as error:
            refused += 1
            assert "damaged" in error.problem or "bundle" in error.problem or "outside" in error.problem
    assert refused > 100


def unpacked(content, tmp_path, name):
    file = tmp_path / f"{name}.zip"
    file.write_bytes(content)
    root = tmp_path / name
    folder = root / "candidates" / unpack_bundle(file, root)
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def rewritten(bundle, change):
    """The bundle with other content: ``change`` takes and returns a mapping of name to content."""
    with zipfile.ZipFile(bundle) as archive:
        content = change({name: archive.read(name) for name in archive.namelist()})
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    bundle.write_bytes(memory.getvalue())
    return bundle


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "{id}/../../outside", "{id}/.hidden", "{id}/a b"])
def test_a_path_that_leaves_the_folder_is_refused(bundle, registry, tmp_path, name):
    unsafe = name.replace("{id}", champion_name(registry))
    rewritten(bundle, lambda content: content | {unsafe: b"x"})
    with pytest.raises(UserError, match=r"outside|is not a bundle"):
        unpack_bundle(bundle, tmp_path / "in" / "registry")
    assert not list(tmp_path.glob("**/outside"))


def test_a_file_that_the_manifest_does_not_list_is_refused(bundle, registry, tmp_path):
    rewritten(bundle, lambda content: content | {f"{champion_name(registry)}/extra.bin": b"x"})
    with pytest.raises(UserError, match="does not list"):
        unpack_bundle(bundle, tmp_path / "in")


def test_a_file_that_is_missing_is_named(bundle, registry, tmp_path):
    lost = f"{champion_name(registry)}/views/a4c/fold_0.safetensors"
    rewritten(bundle, lambda content: {name: data for name, data in content.items() if name != lost})
    with pytest.raises(UserError, match=r"views/a4c/fold_0\.safetensors"):
        unpack_bundle(bundle, tmp_path / "in")


def test_another_manifest_under_the_same_id_is_refused(bundle, registry, tmp_path):
    name = f"{champion_name(registry)}/manifest.json"
    rewritten(
        bundle, lambda content: content | {name: content[name].replace(b'"synthetic": true', b'"synthetic": false')}
    )
    with pytest.raises(UserError, match="damaged"):
        unpack_bundle(bundle, tmp_path / "in")


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(UserError, match="is not a bundle"):
        unpack_bundle(tmp_path / "b.zip", tmp_path / "in")
    with pytest.raises(UserError, match="does not exist"):
        unpack_bundle(tmp_path / "absent.zip", tmp_path / "in")


def test_an_archive_of_something_else_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("readme.txt", hashlib.sha256(b"x").hexdigest())
    with pytest.raises(UserError, match="is not a bundle"):
        unpack_bundle(tmp_path / "b.zip", tmp_path / "in")

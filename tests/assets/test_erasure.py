"""A patient whose folder has a name of any signs and bytes is erased with it, and the neighbour stays."""

import os
from pathlib import Path

import pytest

from assets.erasure.removal import erase, plan_erasure
from assets.project import Project
from warehouse import vault

NUMBER, NEIGHBOUR = "4711-0815", "4711-0816"


@pytest.mark.parametrize("name", [b"Doe_123", b"M\xfcller_123", "Müller_123".encode(), b"O'Neil_123", b"a\\b (1) [x]"])
def test_a_folder_of_any_name_goes_with_its_patient(name: bytes, tmp_path: Path) -> None:
    (tmp_path / "archive" / "ehr").mkdir(parents=True)
    (tmp_path / "echomort.yaml").write_text("preset: demo\n")
    project = Project(home=str(tmp_path))
    key, folders = project.keyring.pseudonym, {NUMBER: os.fsdecode(name), NEIGHBOUR: os.fsdecode(name + b"4")}
    for folder in folders.values():
        for root in ("archive/dicom", "mirror/dicom"):
            (tmp_path / root / folder).mkdir(parents=True)
            (tmp_path / root / folder / "a.dcm").write_bytes(b"no DICOM")
    vault.remember(project.vault, "patient", {key("patient", number): number for number in folders})
    vault.remember(project.vault, "folder", {key("folder", folder): folder for folder in folders.values()})
    with project.writer() as connection:
        for number, folder in folders.items():
            keys = key("instance", f"{folder}/a.dcm"), key("folder", folder), key("patient", number)
            columns = "instance_key, folder_key, patient_key, status"
            connection.execute(f"INSERT INTO dicom_instance ({columns}) VALUES (?, ?, ?, 'accepted')", keys)
    erase(project, plan_erasure(project, NUMBER, lambda done, total: None), lambda done, total: None)
    assert list(vault.recall_all(project.vault, "patient").values()) == [NEIGHBOUR]
    assert list(vault.recall_all(project.vault, "folder").values()) == [folders[NEIGHBOUR]]
    assert os.listdir(os.fsencode(tmp_path / "mirror/dicom")) == [name + b"4"]

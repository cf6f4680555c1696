"""Decodes the files of some studies into one file of clips each, without a database: a task in, files out."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic

from echomort.clips.store import FOLDER, Written
from echomort.clips.study_writer import StudyWriter
from echomort.core.counting import counted
from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.core.keys import Keyring, load_keyring
from echomort.core.listing import files_in
from echomort.core.sealing import unseal
from echomort.settings import Imaging

if TYPE_CHECKING:
    import pandas as pd

VIEW_TABLE = "view_table"
"""``view_source`` of a view that the site's table names."""


class Decoding(pydantic.BaseModel):
    """The studies to decode: ``plan`` is study key -> fingerprint, ``imaging`` the settings.

    The files below ``archive`` become one file a study below ``folder`` of the ``home``.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    home: Path
    archive: Path
    imaging: Imaging
    plan: Mapping[str, str]
    folder: str = FOLDER


Names = Callable[[list[str]], Iterable[str]]
"""Returns the names of the folders (below the archive) with the given keys."""


def decode(  # noqa: PLR0913
    decoding: Decoding,
    files: "pd.DataFrame",
    names: Names,
    keyring: Keyring,
    *,
    processes: int,
    say: Callable[[str], None],
) -> dict[str, Written]:
    """Decode the studies in so many ``processes``; return study key -> its file. Studies that a killed run finished are
    not decoded again.

    ``files`` has a row for each file: instance_key, study_key, patient_key, folder_key, view, view_source. ``say`` gets
    messages of progress.
    """
    from echomort.dicom import Job, read_clips

    studies = StudyWriter(decoding.home, files, decoding.plan, decoding.imaging, decoding.folder)
    files = files[~files["study_key"].isin(studies.written)].set_index("instance_key")
    named = files.loc[files["view_source"] == VIEW_TABLE, "view"].to_dict()
    folders = names(files["folder_key"].unique().tolist())
    paths = _instance_paths(decoding.archive, folders, keyring)
    jobs = {Job(paths[key], named.get(key)): key for key in paths if key in files.index}
    with closing(read_clips(jobs, decoding.imaging, processes)) as outcomes:
        for job, found in counted(outcomes, len(jobs), say):
            studies.add(jobs[job], found)
    return studies.written


def _instance_paths(archive: Path, folders: Iterable[str], keyring: Keyring) -> dict[str, Path]:
    """Return instance key -> path, of all files in ``folders``."""
    found = (file for folder in folders for file in files_in(archive, folder))
    return {keyring.pseudonym("instance", file.path): archive / file.path for file in found}


class DecodingTask(pydantic.BaseModel):
    """A :class:`Decoding` as a file, so that a process of another machine can do it: one that has the home and the
    archive at the same places, and the site's key.

    ``files`` is a Parquet file (:func:`decode`). ``folders`` is folder key -> name, sealed with the key: no file but
    the vault holds identifiers. ``key_file`` is the setting; ``is_synthetic`` says that the key is the public one.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    decoding: Decoding
    files: Path
    folders: str
    key_file: Path | None
    is_synthetic: bool
    processes: int

    def write(self, file: Path) -> None:
        """Write the task to ``file`` as JSON, atomically."""
        write_text(file, self.model_dump_json())


def decode_file(file: Path, say: Callable[[str], None]) -> None:
    """Do the :class:`DecodingTask` in ``file``; leave what was made in its :func:`made_file`."""
    import pandas as pd

    task = DecodingTask.model_validate_json(file.read_bytes())
    if not task.decoding.archive.is_dir():
        raise UserError(
            f"this machine has no folder {task.decoding.archive}", "mount the archive there, at the place of the others"
        )
    keyring = load_keyring(task.key_file, task.is_synthetic)
    folders: dict[str, str] = json.loads(unseal(task.folders, keyring))
    made = decode(
        task.decoding,
        pd.read_parquet(task.files),
        lambda keys: [folders[key] for key in keys],
        keyring,
        processes=task.processes,
        say=say,
    )
    write_text(made_file(file), json.dumps({key: vars(written) for key, written in made.items()}))


def made_file(task: Path) -> Path:
    """Return the file, beside that of a task, with what was made: study key -> path below the home, digest."""
    return task.with_suffix(".made.json")


def read_made(task: Path) -> dict[str, Written]:
    """Return what the process of ``task`` made, by study key."""
    return {key: Written(**written) for key, written in json.loads(made_file(task).read_text()).items()}

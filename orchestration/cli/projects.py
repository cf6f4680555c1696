"""The project of a command, and its settings."""

import os
from pathlib import Path

import yaml

from echomort import settings as configuration
from echomort.core.errors import UserError
from echomort.core.files import write_text

CONFIG_NAME = "echomort.yaml"


def remembered_settings(home: Path, config: Path | None, assignments: list[str] | None) -> configuration.Settings:
    """Return the home's stored settings with those of this call on top; store them in the home if its inputs can be
    used. Raises :class:`UserError`, and stores nothing, otherwise."""
    own = folder_of(home) / CONFIG_NAME
    file = config or (own if own.exists() else None)
    chosen = configuration.gather(file, configuration.parse_flags(assignments or []))
    if "home" in chosen:
        raise UserError("home is not a setting", "remove it, and name the project's folder with --home")
    settings = configuration.validate(chosen | {"home": str(home)})
    check_inputs(settings)
    make_home(home)
    write_text(own, yaml.safe_dump(chosen, sort_keys=True))
    os.environ["ECHOMORT_HOME"] = str(home)
    os.environ.pop("ECHOMORT_CONFIG", None)
    return settings


def check_inputs(settings: configuration.Settings) -> None:
    """Raise :class:`UserError` now for inputs that would fail later: no key, archive, records or adapter."""
    from echomort.core.keys import check_key, load_keyring
    from echomort.core.listing import list_files
    from echomort.dicom.header.views import check_group
    from echomort.ehr.catalogue import site_catalogue
    from warehouse.adapters.extract import contract

    keyring = load_keyring(settings.privacy.key_file, settings.is_synthetic)
    check_key(settings.home, keyring)
    site_catalogue(settings.sources.variables)
    contract(settings.sources.adapter)
    for view in settings.imaging.clip.view_sizes:
        check_group(view)
    if not settings.is_synthetic:
        if not isinstance(settings.sources.dicom, str):  # the first asset checks object storage
            list_files(settings.dicom_root, "sources.dicom")
        if settings.ehr_root:
            list_files(settings.ehr_root, "sources.ehr")
        if settings.sources.postgresql:
            from warehouse.adapters.postgresql import snapshot

            with snapshot(settings.sources.postgresql):
                pass


def folder_of(home: Path) -> Path:
    """Return ``home`` as an absolute path. Raises :class:`UserError` if a file is in its place."""
    home = home.absolute()
    for place in (home, *home.parents):
        if place.exists() and not place.is_dir():
            raise UserError(f"{place} is a file", "name a folder with --home")
    return home


def make_home(home: Path) -> None:
    """Make the folder of a new project, which nobody but its owner can read; leave the mode of one that exists. Raises
    :class:`UserError` if it can't be written to."""
    place = next(place for place in (home, *home.parents) if place.exists())
    if not os.access(place, os.W_OK):
        raise UserError(f"{place} can't be written to", "make it writable, or name another folder with --home")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


def existing_home(home: Path) -> Path:
    """Return ``home`` as an absolute path; raises :class:`UserError` if it holds no project."""
    if not (home / "warehouse.duckdb").exists():
        raise UserError(f"there is no project at {home}", "run `echomort run` first, or name it with --home")
    os.environ["ECHOMORT_HOME"] = str(home.absolute())
    return home.absolute()


def project_settings(home: Path) -> configuration.Settings:
    """Return the settings of a project that has been run."""
    home = existing_home(home)
    return configuration.load_settings(home / CONFIG_NAME, {"home": str(home)})


def settings_of(home: Path | None, config: Path | None) -> configuration.Settings:
    """Return the settings of a project or of a file; those of preset ``standard`` if neither is given."""
    if home is None and config is None:
        return configuration.Settings()
    own = None if home is None else home / CONFIG_NAME
    if own is not None and not own.exists():
        raise UserError(f"there is no project at {home}", "run `echomort run` first, or name it with --home")
    return configuration.load_settings(config or own)

"""The project of a command, and its settings."""

import os
from pathlib import Path

import yaml

from echomort import settings as configuration
from echomort.core.errors import UserError
from echomort.core.files import write_text

CONFIG_NAME = "echomort.yaml"


def remembered_settings(home: Path, config: Path | None, assignments: list[str] | None) -> configuration.Settings:
    """Return the home's stored settings with those of this call on top, and store the result in the home."""
    own = home / CONFIG_NAME
    file = config or (own if own.exists() else None)
    chosen = configuration.gather(file, configuration.parse_flags(assignments or []))
    settings = configuration.validate(chosen | {"home": str(home)})
    write_text(own, yaml.safe_dump(chosen, sort_keys=True))
    os.environ["ECHOMORT_HOME"] = str(home)
    os.environ.pop("ECHOMORT_CONFIG", None)
    return settings


def check_inputs(settings: configuration.Settings) -> None:
    """Raise :class:`UserError` now for inputs that would fail later: no key, no archive, no records."""
    from echomort.core.keys import load_keyring
    from echomort.core.listing import list_files
    from echomort.ehr.catalogue import site_catalogue

    load_keyring(settings.privacy.key_file, settings.is_synthetic)
    site_catalogue(settings.sources.variables)
    if not settings.is_synthetic:
        if not isinstance(settings.sources.dicom, str):  # the first asset checks object storage
            list_files(settings.dicom_root, "sources.dicom")
        if settings.ehr_root:
            list_files(settings.ehr_root, "sources.ehr")
        if settings.sources.postgresql:
            from warehouse.adapters.postgresql import snapshot

            with snapshot(settings.sources.postgresql):
                pass


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
    """Return the settings of a project or of a file; the published ones if neither is given."""
    if home is None and config is None:
        return configuration.Settings()
    own = None if home is None else home / CONFIG_NAME
    if own is not None and not own.exists():
        raise UserError(f"there is no project at {home}", "run `echomort run` first, or name it with --home")
    return configuration.load_settings(config or own)

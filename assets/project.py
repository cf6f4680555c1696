"""The project as a Dagster resource: settings, keys and warehouse."""

import functools
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from echomort.core.keys import Keyring, check_key, load_keyring, note_key
from echomort.settings import CONFIG_NAME, Settings, load_settings
from warehouse.connection import connect

HOME_VARIABLE = "ECHOMORT_HOME"
CONFIG_VARIABLE = "ECHOMORT_CONFIG"


def project_home() -> Path:
    """Return the home of the project: ``ECHOMORT_HOME``, else ``demo`` in the working directory."""
    return Path(os.environ.get(HOME_VARIABLE, "demo")).absolute()


def project_settings(home: Path) -> Settings:
    """Return the settings of ``home``: ``ECHOMORT_CONFIG``, else its ``echomort.yaml``, else the demo's."""
    named = os.environ.get(CONFIG_VARIABLE)
    own = home / CONFIG_NAME
    file = Path(named) if named else own if own.exists() else None
    return load_settings(file, {"home": str(home)})


class Project(dg.ConfigurableResource[Any]):
    """Opens the project at ``home`` (default: see :func:`project_home`); read when a run starts, not at import."""

    home: str = ""

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings of this run."""
        return project_settings(Path(self.home) if self.home else project_home())

    @functools.cached_property
    def keyring(self) -> Keyring:
        """The site's keys; for the synthetic archive, the public ones. Raises :class:`UserError` if they are not those
        that the home was made with."""
        keyring = load_keyring(self.settings.privacy.key_file, self.settings.is_synthetic)
        check_key(self.root, keyring)
        note_key(self.root, keyring)
        return keyring

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.settings.home

    @property
    def vault(self) -> Path:
        """The file that maps pseudonyms back to identifiers; no other file holds identifiers."""
        return self.root / "vault.duckdb"

    def reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading; create it first if needed."""
        if not self.settings.warehouse.exists():
            with self.writer():
                pass
        return connect(self.settings.warehouse, True, self.settings.execution.memory_limit_gib)

    def writer(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the warehouse for one transaction."""
        return connect(self.settings.warehouse, False, self.settings.execution.memory_limit_gib)

"""The project of a command, and its settings."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from echomort import settings as configuration
from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.settings import CONFIG_NAME
from orchestration.cli.options import out

Remember = Callable[[], None]
"""Stores settings in the home, and prints what they change. A run calls it when no other run works on the project."""


def chosen_settings(
    home: Path, config: Path | None, assignments: list[str] | None
) -> tuple[configuration.Settings, Remember | None]:
    """Return the home's stored settings with those of this call on top, and what stores them; None where the home has
    them already. Raises :class:`UserError` where the inputs that they name can't be used."""
    own = folder_of(home) / CONFIG_NAME
    chosen = configuration.merged(layers_of(home, config, assignments))
    chosen = _with_whole_paths(chosen, configuration.validate(chosen | {"home": str(home)}))
    settings = configuration.validate(chosen | {"home": str(home)})
    check_inputs(settings)
    if config or not own.exists():  # what a home remembers was accepted before
        _require_source(chosen)
    make_home(home)
    os.environ["ECHOMORT_HOME"] = str(home)
    os.environ.pop("ECHOMORT_CONFIG", None)
    before = configuration.gather(own, environment={}) if own.exists() else None
    return settings, None if before == chosen else partial(_remember, own, before, chosen)


def _remember(own: Path, before: Mapping[str, Any] | None, chosen: Mapping[str, Any]) -> None:
    write_text(own, yaml.safe_dump(dict(chosen), sort_keys=True))
    for line in () if before is None else change_lines(before, chosen):
        out.print(line)


def _with_whole_paths(chosen: Mapping[str, Any], settings: configuration.Settings) -> dict[str, Any]:
    """Return ``chosen`` with the paths that ``settings`` read in it made whole: a later command, or the daemon, finds
    them from any folder."""
    from warehouse.adapters.extract import adapter_folder

    whole = {key: _whole(value, getattr(settings, key)) for key, value in chosen.items()}
    adapter = settings.sources.adapter
    if "adapter" in (chosen.get("sources") or {}) and adapter_folder(adapter) == Path(adapter):
        whole["sources"]["adapter"] = str(Path(adapter).absolute())
    return whole


def _whole(written: Any, read: Any) -> Any:
    """Return what was ``written`` of a setting, or of a section, with whole paths where it was ``read`` as paths."""
    if isinstance(read, Path):
        return str(read.absolute())
    if isinstance(read, tuple) and read and all(isinstance(one, Path) for one in read):
        return [str(one.absolute()) for one in read]
    if isinstance(written, Mapping) and not isinstance(read, Mapping):
        return {key: _whole(value, getattr(read, key)) for key, value in written.items()}
    return written


def layers_of(home: Path, config: Path | None, assignments: list[str] | None) -> dict[str, dict[str, Any]]:
    """Return origin -> what was set there: in ``config``, or else in the home; in the environment; by --set."""
    own = home / CONFIG_NAME
    file, origin = (config, "--config") if config else (own if own.exists() else None, "home")
    layers = configuration.read_layers(file, configuration.parse_flags(assignments or []), file_origin=origin)
    if any("home" in tree for tree in layers.values()):
        raise UserError("home is not a setting", "remove it, and name the project's folder with --home")
    return layers


def change_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each setting that differs between what a home remembers and what it will; none where the former
    is no longer possible."""
    try:
        changes = configuration.changes(before, after)
    except UserError:  # a release may have removed a setting; the new ones have been checked
        return []
    lines = [_change_line(change) for change in changes.set]
    if changes.others:
        lines.append(f"{changes.others} more settings follow from preset: `echomort config show` lists them")
    return lines


def _change_line(change: configuration.Change) -> str:
    line = f"{change.key}: {configuration.as_yaml(change.before)} -> {configuration.as_yaml(change.after)}"
    return f"{line} (forgotten: --config replaces all that the home remembers)" if change.is_forgotten else line


def _require_source(chosen: Mapping[str, Any]) -> None:
    """Raise :class:`UserError` where nobody named an archive, nor asked for the synthetic one."""
    sources = chosen.get("sources") or {}
    named = any(sources.get(name) is not None for name in ("dicom", "ehr", "postgresql", "synthetic"))
    if not named and chosen.get("preset") != "demo":
        raise UserError(
            "no archive and no records are named",
            "write a configuration with `echomort init` and name it with --config, or add --set preset=demo, which "
            "makes a synthetic archive",
        )


def check_inputs(settings: configuration.Settings) -> None:
    """Raise :class:`UserError` now for settings and inputs that would fail later: no key, archive, records or adapter,
    files that settings name, words that they can't have."""
    from echomort.core.keys import check_key, load_keyring
    from warehouse.adapters.extract import ExtractLocation, contract
    from warehouse.staging.staging import require_day

    keyring = load_keyring(settings.privacy.key_file, settings.is_synthetic)
    check_key(settings.home, keyring)
    contract(settings.sources.adapter)
    _check_named_files(settings)
    _check_views(settings)
    if not settings.is_synthetic:
        location = ExtractLocation.of(settings)
        require_day(location, settings.sources.adapter, settings.sources.extracted_on)
        _check_sources(settings)


def _check_named_files(settings: configuration.Settings) -> None:
    from echomort.ehr.catalogue import site_catalogue
    from echomort.ehr.contact_kinds import site_kinds
    from echomort.encoders.spec import check_encoders
    from echomort.evaluation.external_scores import check_external
    from echomort.linkage.rules import read_map
    from warehouse.adapters.extract import check_vocabulary

    site_catalogue(settings.sources.variables)
    site_kinds(settings.sources.kinds)
    check_vocabulary(settings.sources.vocabulary, settings.sources.adapter)
    if settings.sources.view_table:
        from echomort.dicom.header.views import read_view_table

        read_view_table(settings.sources.view_table)
    check_external(settings.sources.external_scores)
    check_encoders(settings.encoders)
    for rule in (settings.linkage.study, settings.linkage.patient):
        read_map(rule.map)


def _check_views(settings: configuration.Settings) -> None:
    if views := (*settings.imaging.clip.view_sizes, *(settings.training.views or ())):
        from echomort.dicom.header.views import check_group

        for view in views:
            check_group(view)
    if settings.sources.synthetic:
        from echomort.synth.phantom import VIEWS

        for view in set(settings.sources.synthetic.views) - set(VIEWS):
            raise UserError(f"the synthetic archive has no view {view}", f"choose from {', '.join(VIEWS)}")


def _check_sources(settings: configuration.Settings) -> None:
    from echomort.core.listing import require_files

    if not isinstance(settings.sources.dicom, str):  # the first asset checks object storage
        require_files(settings.dicom_root, "sources.dicom")
    if settings.ehr_root:
        require_files(settings.ehr_root, "sources.ehr")
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


def no_project(home: Path, remedy: str = "run `echomort run` first, or name it with --home") -> UserError:
    """Return the error of a command that needs a project where there is none."""
    return UserError(f"there is no project at {home.absolute()}", remedy)


def existing_home(home: Path) -> Path:
    """Return ``home`` as an absolute path; raises :class:`UserError` if it holds no project."""
    if not (home / "warehouse.duckdb").exists():
        raise no_project(home)
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
    if home is not None and not (home / CONFIG_NAME).exists():
        raise no_project(home)
    return configuration.load_settings(config or (home and home / CONFIG_NAME))

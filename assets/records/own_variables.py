"""The site's variables, as a part of the settings that decide an asset."""

from echomort.settings import Settings


def own_variables(settings: Settings) -> dict[str, str]:
    """Return key -> digest of the folder ``sources.variables``; empty if the setting is not used."""
    from echomort.ehr.catalogue import site_digest

    folder = settings.sources.variables
    return {"sources.variables": site_digest(folder)} if folder else {}

"""What a site's own variables add to the settings that decide an asset."""

from echomort.settings import Settings


def own_variables(settings: Settings) -> dict[str, str]:
    """Return the digest of the folder ``sources.variables``, by its key; nothing where the setting is absent, so that
    nothing is stale without one."""
    from echomort.ehr.catalogue import site_digest

    folder = settings.sources.variables
    return {"sources.variables": site_digest(folder)} if folder else {}

"""The site's variables: files that decide an asset."""

from echomort.settings import Settings


def variable_files(settings: Settings) -> dict[str, str]:
    """Return file -> digest of what it holds, of the folder ``sources.variables``; empty if it is not used."""
    folder = settings.sources.variables
    if folder is None:
        return {}
    from echomort.ehr.catalogue import site_digests

    return {f"{folder.name}/{name}": content for name, content in site_digests(folder).items()}

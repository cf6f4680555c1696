"""The site's variables: files that decide an asset."""

from echomort.settings import Settings


def variable_files(settings: Settings) -> dict[str, str]:
    """Return file -> digest of what it holds, of the folder ``sources.variables``; empty if it is not used."""
    from echomort.ehr.catalogue import site_digests

    folder = settings.sources.variables
    return {f"{folder.name}/{name}": content for name, content in site_digests(folder).items()} if folder else {}

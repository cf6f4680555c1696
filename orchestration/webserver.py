"""Dagster's web server, for requests that name this machine as their host.

Its pages have no login. A page of another site could reach them through a name that it lets point to this machine (DNS
rebinding), so that a request with any other name in its Host header is refused.
"""

from typing import Any

from dagster_webserver import cli
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware

from echomort.core.supervision import end_with_parent

HOSTS = ["127.0.0.1", "localhost"]
"""Names of this machine that a browser on it uses."""

_create = cli.create_app_from_workspace_process_context  # type: ignore[attr-defined]  # it imports it


def guarded(*arguments: Any, **options: Any) -> Starlette:
    """Return Dagster's application, which answers requests for :data:`HOSTS` only."""
    app = _create(*arguments, **options)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    return app


def main() -> None:
    """Serve the pages until the command that started this one ends; the arguments are those of ``dagster-webserver``,
    which has no option for this."""
    end_with_parent()
    cli.create_app_from_workspace_process_context = guarded  # type: ignore[attr-defined]
    cli.main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()

"""Dagster's daemon, which ends with the command that started it."""

from dagster._daemon.cli import main as run_daemon  # not exported

from echomort.core.supervision import end_with_parent


def main() -> None:
    """Run the daemon; the arguments are those of ``dagster-daemon``."""
    end_with_parent()
    run_daemon()


if __name__ == "__main__":
    main()

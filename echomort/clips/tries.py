"""How often a study is decoded again of which a file failed for a cause that may pass, such as a busy machine.

A study's fingerprint tells it: that of a study to try again is none that is planned, so the next run makes it anew.
After the last try it is that of :func:`settled`, which holds the limits of time and memory: other limits begin anew.
"""

from echomort.core.fingerprint import digest
from echomort.settings import Imaging

MOST_TRIES = 3
"""Runs that decode such a study before its files keep their reason. A busy night passes in three; a file that always
exhausts its limits costs `imaging.file_timeout` in three runs alone. Our choice."""


def settled(made_from: str, imaging: Imaging) -> str:
    """Return the fingerprint of a study, planned as ``made_from``, that was tried often enough with these limits."""
    return digest(made_from, imaging.file_timeout, imaging.worker_memory_gib)


def after_try(made_from: str, imaging: Imaging, before: str | None) -> str:
    """Return the fingerprint of such a study after one more try; ``before`` is that after the last one."""
    tries = [digest(settled(made_from, imaging), number) for number in range(1, MOST_TRIES)]
    following = tries.index(before) + 1 if before in tries else 0
    return [*tries, settled(made_from, imaging)][following]

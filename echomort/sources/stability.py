"""Studies that are complete, as far as one can see from outside: their number of instances has stopped growing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from echomort.core.errors import UserError
from echomort.core.files import atomic_path
from echomort.sources.landing import study_folder

FILE = ".looks.json"
"""Hidden, so that the archive's listing skips it."""


@dataclass
class Look:
    """What the archive said of a study: its instances, since when (seconds of the epoch) they are as many, and how many
    ultrasound objects it had when all were here (None: they are not)."""

    instances: int
    since: float
    objects: int | None = None


class Looks:
    """The looks at an archive's studies, kept in the folder of the objects between one call and the next.

    A study is stable when two looks at least ``minutes`` apart found the same number of instances, and none between
    them another; with 0 minutes every study is. The file names studies by the digests that their folders have, and its
    owner alone can read it. Raises :class:`UserError` where the file is damaged.
    """

    def __init__(self, folder: Path, minutes: float, now: Callable[[], float] = time.time) -> None:
        self.folder, self.seconds, self.now = folder, 60 * minutes, now
        self.looks = _read(folder / FILE)

    def is_stable(self, study: str, instances: int) -> bool:
        """Note a look at a study; return whether it is stable."""
        key, now = study_folder(self.folder, study).name, self.now()
        look = self.looks.get(key)
        if look is None or look.instances != instances or look.since > now:
            look = self.looks[key] = Look(instances, now)
        return now - look.since >= self.seconds

    def whole(self, study: str, instances: int) -> int | None:
        """Return how many ultrasound objects a study of so many instances has where all are here, else None."""
        place = study_folder(self.folder, study)
        look = self.looks.get(place.name)
        if look is None or look.instances != instances or look.objects is None:
            return None
        return look.objects if sum(1 for _ in place.glob("*.dcm")) >= look.objects else None

    def note_whole(self, study: str, objects: int) -> None:
        """Note that all ``objects`` of a study are here, as of the last look at it."""
        self.looks[study_folder(self.folder, study).name].objects = objects

    def save(self) -> None:
        """Write the file, complete or not at all; none where there was no look."""
        if not self.looks:
            return
        with atomic_path(self.folder / FILE, private=True) as temporary:
            temporary.write_text(json.dumps({key: asdict(look) for key, look in self.looks.items()}))


def _read(path: Path) -> dict[str, Look]:
    try:
        return {key: Look(**look) for key, look in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError):
        raise UserError(f"{path} can't be read", "delete it: every study is then looked at anew") from None

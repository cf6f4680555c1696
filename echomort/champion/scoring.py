"""The champion's risks of studies, from their clips by view and their health record.

``python -m echomort.champion.scoring FOLDER REGISTRY HOME [CANDIDATE]`` is the child process that
:func:`score_in_child` starts.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from echomort.champion.model import Champion, Clips, Logits, StudyRisk
from echomort.champion.ranges import AGE
from echomort.clips.store import read_study
from echomort.core.child import leave_error, raise_left
from echomort.core.errors import UserError
from echomort.core.files import scratch_folder
from echomort.core.supervision import end_with_parent, supervised
from echomort.dicom.header.views import UNKNOWN
from echomort.settings import Scoring

RISK = ("logit", "risk", "low", "high")
"""What of a study is not given where its risk is withheld."""
AGE_ITSELF = "_age"
"""Column of the features with the age of a child too, which is no variable."""
CLIPS, FEATURES, ROWS, ERROR = "clips.parquet", "features.parquet", "rows.json", "refused.json"
"""Files in the temporary folder by which parent and child exchange data."""

STUDIES_AT_ONCE = 16
"""Studies whose clips are in memory and are scored together. Chosen here, to limit memory."""

Views = Mapping[str, Sequence[Clips]]
"""View -> clips, uint8 (frames, height, width)."""


@dataclass(frozen=True)
class ScoredStudy:
    """The risk of one study, as in table ``risk_score``."""

    study_key: str
    champion: str
    model: str
    clips: int
    """Number of scored clips."""
    logit: float
    risk: float
    """Probability of death within one year, 0 to 1."""
    low: float
    high: float
    """The smallest and the largest risk by the models of each fold alone: how far trainings differ."""
    beyond: str = ""
    """What of the study is beyond what the development cohort holds, with commas."""

    @classmethod
    def of(cls, study_key: str, champion: str, scored: StudyRisk, beyond: Iterable[str]) -> "ScoredStudy":
        """Return a study's risk by the champion of that name."""
        risk = scored.logit, scored.risk, scored.low, scored.high
        return cls(study_key, champion, scored.model, scored.clips, *risk, ", ".join(beyond))

    def served(self, settings: Scoring) -> dict[str, Any]:
        """Return the record as ``settings`` have it: without a risk if it is beyond, and such risks are withheld."""
        return self.as_record() | (dict.fromkeys(RISK) if settings.withholds(self.beyond) else {})

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them."""
        return asdict(self)


def score_in_child(
    registry: Path, clips: pd.DataFrame, features: pd.DataFrame, home: Path, candidate: str = ""
) -> list[ScoredStudy]:
    """Return the results of :func:`score_studies` with the champion of ``registry``, or with a ``candidate``, from a
    child process, with which PyTorch's threads and memory end. Raises :class:`UserError` as :func:`score_studies`
    does."""
    with scratch_folder(home) as folder:
        clips.to_parquet(folder / CLIPS, index=False)
        features.to_parquet(folder / FEATURES, index=False)
        command = [sys.executable, "-P", "-m", "echomort.champion.scoring", str(folder), str(registry), str(home)]
        command += [candidate] if candidate else []
        child = subprocess.run(command, check=False, env=supervised())
        raise_left(folder / ERROR)
        child.check_returncode()
        return [ScoredStudy(**row) for row in json.loads((folder / ROWS).read_text())]


def main() -> None:
    """Score the studies of the folder named on the command line."""
    end_with_parent()
    folder, registry, home = map(Path, sys.argv[1:4])
    try:
        champion = Champion.load(registry, *sys.argv[4:])
        scored = score_studies(champion, pd.read_parquet(folder / CLIPS), pd.read_parquet(folder / FEATURES), home)
        (folder / ROWS).write_text(json.dumps([study.as_record() for study in scored]))
    except UserError as error:
        leave_error(error, folder / ERROR)


def score_studies(champion: Champion, clips: pd.DataFrame, features: pd.DataFrame, home: Path) -> Iterator[ScoredStudy]:
    """Yield the risk of each study of ``clips`` (study_key, clip_key, view, path below ``home``), in order of its key.

    Clips of an unknown view are named by the champion's classifier. ``features`` has a row a study with study_key and
    the variables; a study without features is scored by its clips alone. A champion without a model of a view scores
    every study that has features, by them alone.
    """
    records, known = _record_logits(champion, features), _known(features)
    if not champion.views:
        for study_key in sorted(records):
            beyond = champion.ranges.beyond_in_study(known[study_key], [])
            yield ScoredStudy.of(study_key, champion.name, champion.score_record(records[study_key]), beyond)
        return
    parts = [(str(study_key), part) for study_key, part in clips.groupby("study_key")]
    for start in range(0, len(parts), STUDIES_AT_ONCE):
        some = parts[start : start + STUDIES_AT_ONCE]
        studies = {study_key: _named(champion, _clips_of(part, home)) for study_key, part in some}
        for study_key, risk in _risks(champion, studies, records):
            loops = _beyond_in_loops(champion, studies[study_key])
            beyond = champion.ranges.beyond_in_study(known.get(study_key, {}), loops)
            yield ScoredStudy.of(study_key, champion.name, risk, beyond)


def _clips_of(rows: pd.DataFrame, home: Path) -> Views:
    pixels = read_study(home / rows["path"].iloc[0], rows["clip_key"].tolist())
    return {str(view): [pixels[key] for key in part["clip_key"]] for view, part in rows.groupby("view")}


def _named(champion: Champion, views: Views) -> Views:
    """Return the clips by view, those of an unknown view named by the champion's classifier, as in ``predict``."""
    named = {view: list(part) for view, part in views.items() if view != UNKNOWN}
    for pixels in views.get(UNKNOWN, ()):
        named.setdefault(champion.view_of(pixels), []).append(pixels)
    return named


def _known(features: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return study -> its variables."""
    known = features.assign(**{AGE: features[AGE_ITSELF]}) if AGE_ITSELF in features else features
    return {
        str(row["study_key"]): {str(name): value for name, value in row.items()} for row in known.to_dict("records")
    }


def _beyond_in_loops(champion: Champion, views: Views) -> list[tuple[str, ...]]:
    """Return what is beyond in each loop that the study's risk rests on."""
    counted = {view: part for view, part in views.items() if view in champion.views} or views
    return [champion.ranges.beyond_in_loop(pixels, view) for view, part in counted.items() for pixels in part]


def _risks(
    champion: Champion, studies: Mapping[str, Views], records: Mapping[str, Logits]
) -> Iterator[tuple[str, StudyRisk]]:
    logits = _view_logits(champion, studies)
    for study_key, views in studies.items():
        record_logit = records.get(study_key)
        if study_key not in logits:
            yield study_key, champion.score_study(views, record_logit)
        else:
            others = sum(len(part) for view, part in views.items() if view not in champion.views)
            yield study_key, champion.combine_views(logits[study_key], record_logit, others)


def _view_logits(champion: Champion, studies: Mapping[str, Views]) -> dict[str, dict[str, Logits]]:
    """Return study -> view with a model -> logits (folds, clips); the clips of all studies of a view are scored
    together."""
    logits: dict[str, dict[str, Logits]] = defaultdict(dict)
    for view, model in champion.views.items():
        clips_of_view = {study_key: views[view] for study_key, views in studies.items() if view in views}
        if not clips_of_view:
            continue
        scores = model.score_by_fold(np.concatenate([np.stack(part) for part in clips_of_view.values()]))
        ends = np.cumsum([len(part) for part in clips_of_view.values()])[:-1]
        for study_key, part in zip(clips_of_view, np.split(scores, ends, axis=1), strict=True):
            logits[study_key][view] = part
    return logits


def _record_logits(champion: Champion, features: pd.DataFrame) -> dict[str, Logits]:
    """Return study -> logits (folds,) of its health record."""
    if champion.tabular is None or features.empty:
        return {}
    return dict(zip(features["study_key"], champion.tabular.score_by_fold(features).T, strict=True))


if __name__ == "__main__":
    main()

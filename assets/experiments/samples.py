"""What a cell is trained and judged on, or why it has no figure."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from assets.imaging.shapes import project_clip
from assets.imaging.variants import own_variants
from assets.project import Project
from assets.training.samples import read
from assets.training.view_samples import too_few
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.experiments.cells import CLIPS, CLIPS_AND_FLOW, FLOW, ONE_VIEW_NETWORK, Cell, Variables, Views
from echomort.experiments.draws import FEWEST_OF_EACH, subset_patients, survey_patients
from echomort.models.rows import HELD_OUT, UNKNOWN
from echomort.networks import Branch
from echomort.vocabulary.model_names import ALL_VIEWS, ANY_VIEW

SHAPE = ["frames", "height", "width"]


class Refused(UserError):
    """A cell has no figure, whatever is trained; the message gives the cause and the remedy."""


@dataclass(frozen=True)
class Samples:
    """What a cell is trained and judged on.

    ``rows``: one row a sample, a clip or a study, as :class:`echomort.training.Task` has it. ``judged``: the studies
    whose scores are judged, one a patient: study_key, patient_key, fold, label. ``branches``: the pictures that the
    network takes; empty without video. ``variables``: study_key and one column a variable; None without records.
    """

    rows: pd.DataFrame
    judged: pd.DataFrame
    branches: tuple[Branch, ...]
    variables: pd.DataFrame | None

    @property
    def digest(self) -> str:
        """The digest of all of it, of the pixels too."""
        branches = [branch.model_dump(mode="json") for branch in self.branches]
        tables = [self.rows, self.judged, *([] if self.variables is None else [self.variables])]
        return digest(branches, *map(table_digest, tables))


class Sampler:
    """Reads the warehouse and returns the samples of cells; what cells share is read once."""

    def __init__(self, project: Project) -> None:
        self.project, self.settings = project, project.settings
        self._studies = functools.cache(self._read_studies)
        self._clips = functools.cache(self._read_clips)
        self._features = functools.cache(self._read_features)

    @functools.cached_property
    def views(self) -> Views:
        """The views of training.views that patients of the cohort have clips of."""
        chosen = self.settings.training.views
        counts = {view: count for view, count in self._seen.items() if chosen is None or view in chosen}
        trained = frozenset(view for view in counts if self._trains(view))
        studies = self._studies(self.settings.outcome.horizon_days)
        return Views(counts, trained, int(studies["patient_key"].nunique()))

    @functools.cached_property
    def _seen(self) -> dict[str, int]:
        """View -> patients with a clip of it, of those that models are trained on."""
        found = self._clips(CLIPS).merge(self._studies(self.settings.outcome.horizon_days), on="study_key")
        return {str(view): int(count) for view, count in found.groupby("view")["patient_key"].nunique().items()}

    def _trains(self, view: str) -> bool:
        """Return whether ``view`` has enough clips for a model, those of its survey set left out."""
        horizon = self.settings.outcome.horizon_days
        cell = Cell("table1", view, view, ONE_VIEW_NETWORK, CLIPS, "none", horizon, evaluated="survey", among=view)
        return self._view_problem(self._clips_of(view, CLIPS).merge(self._roles(cell), on="study_key")) is None

    def samples(self, cell: Cell) -> Samples:
        """Return the samples of ``cell``. Raises :class:`Refused` where they are too few for a figure."""
        if cell.view == ANY_VIEW:
            raise self.no_view()
        studies = self._limited(cell, self._roles(cell))
        rows, branches = (studies, ()) if cell.view is None else self._pictured(cell, studies)
        judged = studies[studies["is_judged"] & studies["study_key"].isin(rows["study_key"])]
        rows = rows.assign(label=rows["known"]).drop(columns=["known", "headline", "is_judged"])
        judged = judged[["study_key", "patient_key", "fold", "label"]]
        self._require_enough(cell, rows, judged)
        variables = None if cell.variables == "none" else self._variables(cell.variables, rows["study_key"])
        return Samples(rows.reset_index(drop=True), judged.reset_index(drop=True), branches, variables)

    @functools.cached_property
    def followed(self) -> pd.DataFrame:
        """The studies with their follow-up, labelled or censored, as ``reads/experiments/followed.sql`` has them."""
        return read(self.project, "reads/experiments/followed.sql")

    @property
    def clips(self) -> pd.DataFrame:
        """The project's own clips whose view is known: view, clip_key, study_key, path, digest."""
        return self._clips(CLIPS).drop(columns=SHAPE)

    def joint(self, cell: Cell) -> tuple[pd.DataFrame, tuple[Branch, ...]]:
        """Return the rows and the branches of the network that joins all views, of labelled and of censored studies;
        these are scored, and not trained on."""
        studies = self.followed.drop(columns=["days", "event", "followed_headline"])
        rows, branches = self._all_views(cell, studies)
        self._require_trainable(cell, rows)
        return rows.reset_index(drop=True), branches

    def no_view(self) -> Refused:
        """Return why the archive has no view to train on."""
        if not self._seen:
            return Refused(
                "no clip of a study of the cohort has a known view",
                "name the views (sources.view_table), have them read off the pictures (imaging.views.classify), or add "
                "files; why files gave no clip is in table clip",
            )
        named = ", ".join(self.settings.training.views or ())
        there = ", ".join(sorted(self._seen))
        return Refused(
            f"no clip of a study of the cohort is of a view of training.views ({named})", f"there are {there}"
        )

    def _read_studies(self, horizon_days: int) -> pd.DataFrame:
        if horizon_days == self.settings.outcome.horizon_days:
            return read(self.project, "reads/experiments/studies.sql")
        return read(self.project, "reads/experiments/studies_at_horizon.sql", horizon_days=horizon_days)

    def _read_clips(self, picture: str) -> pd.DataFrame:
        """Return the clips of ``picture`` with their shape. A variant that equals the project's own clips is not made
        again: these are it."""
        if picture != CLIPS and picture not in own_variants(self.settings):
            return read(self.project, "reads/experiments/variant_clips.sql", variant=picture)
        clips, made = read(self.project, "reads/experiments/clips.sql"), project_clip(self.project)
        shapes = {view: made.shape_of(view) for view in clips["view"].unique()}
        sizes = np.array([shapes[view] for view in clips["view"]], int).reshape(-1, len(SHAPE))
        return clips.assign(**dict(zip(SHAPE, sizes.T, strict=True)))

    def _read_features(self, variables: Variables) -> pd.DataFrame:
        from echomort.ehr.catalogue import shipped_catalogue
        from echomort.ehr.variable_sets import OFFERED, TEN

        names = TEN if variables == "ten" else shipped_catalogue().names(*OFFERED["method"])
        return read(self.project, "reads/experiments/features.sql")[["study_key", *names]]

    def _variables(self, variables: Variables, studies: pd.Series) -> pd.DataFrame:
        from echomort.models.tabular import encode

        features = pd.DataFrame({"study_key": studies.unique()}).merge(self._features(variables), "left", "study_key")
        names = list(features.columns[1:])
        return pd.concat([features[["study_key"]], pd.DataFrame(encode(features[names]), columns=names)], axis=1)

    def _roles(self, cell: Cell) -> pd.DataFrame:
        """Return the studies that take part, those of the survey set in fold -1, with ``is_judged``: whether the scores
        of the study are judged."""
        studies = self._studies(cell.horizon_days)
        among = np.ones(len(studies), bool)
        if cell.among is not None:
            clips = self._clips(CLIPS)
            among = studies["study_key"].isin(clips.loc[clips["view"] == cell.among, "study_key"]).to_numpy()
        headline = studies["headline"].to_numpy(bool)
        if cell.evaluated == "folds":
            return studies.assign(is_judged=headline)[among]
        drawn = survey_patients(
            _died(studies[among & headline]), self.settings.experiments.survey, self.settings.cohort.salt
        )
        surveyed = studies["patient_key"].isin(drawn).to_numpy()
        fold = np.where(surveyed, HELD_OUT, studies["fold"])
        return studies.assign(fold=fold, is_judged=surveyed & among & headline)

    def _limited(self, cell: Cell, studies: pd.DataFrame) -> pd.DataFrame:
        """Return ``studies`` with ``known``, the label that models see: none beyond the cell's limit of patients."""
        if cell.most_patients is None:
            return studies.assign(known=studies["label"])
        folds = None if cell.evaluated == "survey" else _folds(studies)
        inside = subset_patients(_died(studies), cell.most_patients, self.settings.cohort.salt, folds)
        known = np.where(studies["patient_key"].isin(inside), studies["label"], UNKNOWN)
        return studies.assign(known=known)

    def _pictured(self, cell: Cell, studies: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Branch, ...]]:
        """Return the rows of ``studies`` with their pictures, and the branches of the network."""
        if cell.view == ALL_VIEWS:
            return self._all_views(cell, studies)
        return self._one_view(cell, studies)

    def _one_view(self, cell: Cell, studies: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Branch, ...]]:
        """Return one row a clip of the cell's view; with flow, its clip and the flow of it are a branch each."""
        assert cell.view is not None and cell.picture is not None
        pictures = [CLIPS, FLOW] if cell.picture == CLIPS_AND_FLOW else [cell.picture]
        found = {name: self._clips_of(cell.view, name) for name in {*pictures, *cell.compared}}
        there = functools.reduce(np.intersect1d, [clips["clip_key"].to_numpy(str) for clips in found.values()])
        found = {name: clips[clips["clip_key"].isin(there)] for name, clips in found.items()}
        rows = found[pictures[0]].merge(studies, on="study_key")
        if rows.empty:
            raise self._no_picture(cell)
        self._require_view(cell, rows)
        if len(pictures) == 1:
            return rows.drop(columns=SHAPE), (_branch(cell.view, rows, cell.picture),)
        return _joined(rows, {name: found[name] for name in pictures}, "clip_key")

    def _no_picture(self, cell: Cell) -> Refused:
        """Return why no clip is there in all pictures that are compared, with the commonest reason."""
        problem = f"no clip of a study of the cohort is there as {' and as '.join(sorted(cell.compared))}"
        reasons = read(self.project, "reads/experiments/variant_reasons.sql", variants=list(cell.compared))
        if reasons.empty:
            return Refused(problem, "add files of that view")
        variant, reason = (str(reasons.loc[0, name]) for name in ("variant", "reason"))
        return Refused(f"{problem} (most often, {variant}: {reason})", _remedy(reason))

    def _all_views(self, cell: Cell, studies: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Branch, ...]]:
        """Return one row a study with a clip of any view that has enough; each view is a branch. Of several clips of a
        view the first by its key is taken: keys are pseudonyms, so that this is a draw."""
        by_view: dict[str, pd.DataFrame] = {}
        for view in sorted(self.views.patients):
            clips = self._clips_of(view, CLIPS)
            if self._view_problem(clips.merge(studies, on="study_key")) is None:
                by_view[view] = clips.drop_duplicates("study_key")
        if not by_view:
            among = f" among the studies with a clip of {cell.among}, which alone count here" if cell.among else ""
            raise Refused(
                f"no view has enough clips{among}", "lower training.min_clips or training.min_deaths, or add studies"
            )
        seen = studies["study_key"].isin(pd.concat(by_view.values())["study_key"])
        rows = studies[seen].assign(clip_key=studies["study_key"])
        return _joined(rows, by_view, "study_key")

    def _clips_of(self, view: str, picture: str) -> pd.DataFrame:
        clips = self._clips(picture)
        return clips[clips["view"] == view]

    def _view_problem(self, rows: pd.DataFrame) -> str | None:
        return too_few(rows, self.settings.training) if len(rows) else "no clips of labelled studies"

    def _require_view(self, cell: Cell, rows: pd.DataFrame) -> None:
        if problem := self._view_problem(rows):
            raise Refused(f"the view {cell.view} has {problem}", "lower that setting, or add studies")

    def _require_enough(self, cell: Cell, rows: pd.DataFrame, judged: pd.DataFrame) -> None:
        """Raise :class:`Refused` where a model would lack an outcome, or too few patients would be judged."""
        least, deaths = self.settings.evaluation.suppress_below_events, int(judged["label"].sum())
        if min(deaths, len(judged) - deaths) < least:
            problem = f"fewer than {least} deaths or survivors could be judged (evaluation.suppress_below_events)"
            raise Refused(problem, "add studies, or lower that setting")
        if cell.network is not None or cell.variables != "none":
            self._require_trainable(cell, rows)

    def _require_trainable(self, cell: Cell, rows: pd.DataFrame) -> None:
        for left_out, training in _trainings(cell, rows):
            died = training.groupby("patient_key")["label"].max()
            if min(int(died.sum()), int((died == 0).sum())) < FEWEST_OF_EACH:
                outside = "" if left_out is None else f" outside fold {left_out}"
                problem = f"a model could be trained on fewer than {FEWEST_OF_EACH} patients of one outcome{outside}"
                raise Refused(problem, "take more patients")


def _remedy(reason: str) -> str:
    """Return what to do where most files gave no clip of a picture for ``reason``."""
    from echomort.dicom.reasons import Reason

    if reason == Reason.NO_NATIVE_DATA:
        return (
            "only files of Philips scanners that keep native data can be compared; the synthetic archive has none "
            "(docs/experiments.md)"
        )
    if reason == Reason.NATIVE_LAYOUT:
        return "the native data of these files can't be read (docs/imaging.md, Philips native data)"
    return "the reason of each file is in table clip_variant"


def _joined(rows: pd.DataFrame, pictures: dict[str, pd.DataFrame], key: str) -> tuple[pd.DataFrame, tuple[Branch, ...]]:
    """Return ``rows`` with the clip of each of ``pictures`` (branch -> clips), matched by ``key``: a branch each."""
    rows = rows.drop(columns=["view", "path", "digest", *SHAPE], errors="ignore")
    for name, clips in pictures.items():
        own = (
            clips[["path", "digest"]]
            .add_suffix(f"_{name}")
            .assign(**{f"key_{name}": clips["clip_key"], key: clips[key]})
        )
        rows = rows.merge(own, "left", key)
    return rows, tuple(_branch(name, clips, name) for name, clips in pictures.items())


def _branch(name: str, clips: pd.DataFrame, picture: str) -> Branch:
    frames, height, width = (int(edge) for edge in clips[SHAPE].iloc[0])
    return Branch(name=name, shape=(frames, height, width), channels=3 if picture == FLOW else 1)


def _trainings(cell: Cell, rows: pd.DataFrame) -> Iterator[tuple[int | None, pd.DataFrame]]:
    """Yield the fold left out (None: none) and the rows of each training of ``cell``."""
    trained = rows[(rows["fold"] != HELD_OUT) & (rows["label"] != UNKNOWN)]
    if cell.evaluated == "survey":
        yield None, trained
        return
    for fold in sorted(rows["fold"].unique()):
        yield int(fold), trained[trained["fold"] != fold]


def trained_patients(cell: Cell, rows: pd.DataFrame) -> int | None:
    """Return how many patients a model of ``cell`` is trained on, the mean over its models; None where none is."""
    if cell.network is None and cell.variables == "none":
        return None
    counts = [training["patient_key"].nunique() for _, training in _trainings(cell, rows)]
    return round(float(np.mean(counts)))


def _folds(studies: pd.DataFrame) -> dict[str, int]:
    """Return patient -> fold."""
    return dict(zip(studies["patient_key"], studies["fold"].astype(int), strict=True))


def _died(studies: pd.DataFrame) -> dict[str, bool]:
    """Return patient -> whether it died by the horizon after any of ``studies``."""
    return {str(patient): bool(died) for patient, died in studies.groupby("patient_key")["label"].max().items()}


def table_digest(table: pd.DataFrame) -> str:
    """Return the digest of the rows of ``table``, in their order."""
    return digest(list(table.columns), pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())

"""The cells of the preprint's experiments: what each is trained on, and how it is judged.

Each experiment is one function, from the settings and the views of the archive to its cells. A cell is one number of a
figure or a table of the preprint: a model, or a cross-validation of models, and its AUC.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from echomort.networks import NETWORKS
from echomort.settings import Settings
from echomort.settings.sections import ExperimentName
from echomort.study_model.hazards import interval_ends
from echomort.vocabulary.model_names import ALL_VIEWS, ANY_VIEW, encoder_model

Variables = Literal["none", "ten", "method"]
"""Variables of the health record that a cell's model gets: none, those that the readers were shown, or all 158."""
VARIABLES: tuple[Variables, ...] = ("none", "ten", "method")

CLIPS = "clips"
"""The picture of the project's own clips."""
FLOW = "flow"
"""The variant of the clips that holds their optical flow, as colours."""
CLIPS_AND_FLOW = "clips+flow"
"""The picture of a clip and its optical flow, each in a branch of its own."""
FUSION = "early_fusion"
"""The network that joins several pictures, or pictures and records."""
ONE_VIEW_NETWORK = "cnn_3d"
"""The network of Table 1 for one view alone: the one whose maps :data:`FUSION` joins with the records."""
MEAN, STACK, STUDY_MODEL = "mean", "stack", "study_model"
"""In place of a network: the mean of the views' log odds, the stack of the views, and the model of whole studies."""
WITHIN = "stack_within"
"""In place of a network: the stack, of the studies alone of which nothing is beyond what the other folds hold."""
NOT_COMPARED = frozenset({"linear", FUSION})
"""Networks that figure 2 leaves out: the permuted null's, which is no method, and that of Table 1."""
PREFERRED_VIEW = "parasternal_long"
"""The view of the preprint's readers and of its best models; where it has too few clips, the view with the most
patients."""
REDUCTIONS = (1, 2, 3, 4)
"""By how much the native picture is divided (preprint, page 20 and Ext. fig. 4)."""
SOURCES = ("raw", "annotated")
"""Pixels before display, and as displayed (preprint, page 15)."""


@dataclass(frozen=True)
class Cell:
    """One cell of an experiment; ``name`` is unique in it.

    ``view`` is a view, :data:`ALL_VIEWS`, :data:`ANY_VIEW`, or None without video; ``network`` is None for the trees,
    and for a random guess. ``picture`` is :data:`CLIPS`, a variant of them, or :data:`CLIPS_AND_FLOW`.
    ``most_patients`` limits those that are trained on (None: all). ``evaluated``: out of fold, or on the survey set
    by one model that was trained on everything else. ``among`` is the view of which every study that takes part out
    of fold has a clip, or every study of the survey set (None: no such limit). ``compared`` are the pictures in all
    of which a clip must be there.
    """

    experiment: ExperimentName
    name: str
    view: str | None
    network: str | None
    picture: str | None
    variables: Variables
    horizon_days: int
    most_patients: int | None = None
    evaluated: Literal["folds", "survey"] = "folds"
    among: str | None = None
    compared: tuple[str, ...] = (CLIPS,)


@dataclass(frozen=True)
class Views:
    """The views of an archive that experiments may train on.

    ``patients``: view -> patients with a clip of it. ``trained``: those with enough clips and deaths for a model.
    ``everyone``: the patients of the cohort, with or without clips.
    """

    patients: Mapping[str, int]
    trained: frozenset[str]
    everyone: int


def one_view(views: Views) -> str | None:
    """Return the view of experiments that take one: of those with enough clips, if there are any, the preferred one or
    the one with the most patients. None where there is no view.

    >>> one_view(Views({"apical_4": 40, "parasternal_long": 3}, frozenset({"apical_4"}), 50))
    'apical_4'
    """
    among = sorted(view for view in views.patients if view in views.trained) or sorted(views.patients)
    if PREFERRED_VIEW in among:
        return PREFERRED_VIEW
    return max(among, key=lambda view: views.patients[view], default=None)


def _common_view(views: Views) -> str | None:
    """Return the view of which all studies of an experiment have a clip; None where no view has enough, so that what
    needs no video is still made."""
    view = one_view(views)
    return view if view in views.trained else None


def _any_view(experiment: ExperimentName, settings: Settings, views: Views) -> list[Cell]:
    """Return what stands for the cells with video where the archive has no view: one cell, which gets the reason."""
    if views.patients:
        return []
    return [Cell(experiment, ANY_VIEW, ANY_VIEW, None, None, "none", settings.outcome.horizon_days)]


def compared_networks() -> tuple[str, ...]:
    """Return the networks of figure 2: the preprint's four, and those that the site registered."""
    return tuple(name for name in NETWORKS.names() if name not in NOT_COMPARED)


def figure2(settings: Settings, views: Views) -> list[Cell]:
    """Return every view with every network (figure 2 has two of the networks, Ext. figure 2 all four)."""
    horizon = settings.outcome.horizon_days
    cells = [
        Cell("figure2", f"{view}-{network}", view, network, CLIPS, "none", horizon)
        for view in sorted(views.patients)
        for network in compared_networks()
    ]
    return cells + _any_view("figure2", settings, views)


def figure3(settings: Settings, views: Views) -> list[Cell]:
    """Return every view at every horizon, the main one among them (figure 3), by the site's network."""
    cells = [
        Cell("figure3", f"{view}-{days}_days", view, settings.training.network, CLIPS, "none", days)
        for view in sorted(views.patients)
        for days in settings.outcome.all_horizons
    ]
    return cells + _any_view("figure3", settings, views)


def table1(settings: Settings, views: Views) -> list[Cell]:
    """Return no video, one view and all views, each with no variables, the ten and all 158 (Table 1).

    All are judged on one survey set: that of the one view.
    """
    shown = [None, one_view(views), ALL_VIEWS] if views.patients else [None]
    among = _common_view(views)
    cells = [_input_cell(settings, view, variables, among) for view in shown for variables in VARIABLES]
    return cells + _any_view("table1", settings, views)


def _input_cell(settings: Settings, view: str | None, variables: Variables, among: str | None) -> Cell:
    alone = view != ALL_VIEWS and variables == "none"
    network = None if view is None else ONE_VIEW_NETWORK if alone else FUSION
    picture = None if view is None else CLIPS
    horizon = settings.outcome.horizon_days
    name = f"{view or 'no_video'}-{variables}"
    return Cell("table1", name, view, network, picture, variables, horizon, None, "survey", among)


def figure5(settings: Settings, views: Views) -> list[Cell]:
    """Return the learning curve (figure 5): the records alone, one view, and all views with the records, each trained
    on nested subsets of the patients, up to all. Without a view the records are left."""
    view, among = one_view(views), _common_view(views)
    arms: list[tuple[str, str | None, str | None, Variables]] = [("records", None, None, "method")]
    if view is not None:
        arms += [
            (view, view, settings.training.network, "none"),
            (f"{ALL_VIEWS}_and_records", ALL_VIEWS, FUSION, "method"),
        ]
    horizon = settings.outcome.horizon_days
    patients = views.everyone if among is None else views.patients[among]
    cells = [
        Cell(
            experiment="figure5",
            name=f"{name}-{size or 'all'}_patients",
            view=shown,
            network=network,
            picture=shown and CLIPS,
            variables=variables,
            horizon_days=horizon,
            most_patients=size,
            among=among,
        )
        for name, shown, network, variables in arms
        for size in [*curve_sizes(settings.experiments.patients, patients, settings.cohort.folds), None]
    ]
    return cells + _any_view("figure5", settings, views)


def curve_sizes(sizes: Iterable[int], patients: int, folds: int) -> list[int]:
    """Return the sizes of the learning curve, in order, below that of all: ``patients`` less one of ``folds``.

    >>> curve_sizes((10, 30, 40, 100), 50, folds=5)
    [10, 30]
    """
    return sorted(size for size in set(sizes) if size < patients * (folds - 1) / folds)


def resolution(settings: Settings, views: Views) -> list[Cell]:
    """Return every view, its pictures reduced by 1 (native), 2, 3 and 4 (Ext. figure 4), by the site's network."""
    return _by_picture("resolution", settings, views, [f"reduction_{factor}" for factor in REDUCTIONS])


def inputs(settings: Settings, views: Views) -> list[Cell]:
    """Return every view from raw and from annotated video, by the site's network."""
    return _by_picture("inputs", settings, views, SOURCES)


def _by_picture(experiment: ExperimentName, settings: Settings, views: Views, pictures: Iterable[str]) -> list[Cell]:
    network, horizon = settings.training.network, settings.outcome.horizon_days
    compared = tuple(pictures)
    cells = [
        Cell(experiment, f"{view}-{picture}", view, network, picture, "none", horizon, compared=compared)
        for view in sorted(views.patients)
        for picture in compared
    ]
    return cells + _any_view(experiment, settings, views)


def flow(settings: Settings, views: Views) -> list[Cell]:
    """Return every view without and with a branch for its optical flow (Ext. figure 5), by one network, so that only
    the branch differs."""
    names, horizon = {CLIPS: "clips", CLIPS_AND_FLOW: "clips_and_flow"}, settings.outcome.horizon_days
    cells = [
        Cell("flow", f"{view}-{name}", view, FUSION, picture, "none", horizon, compared=(CLIPS, FLOW))
        for view in sorted(views.patients)
        for picture, name in names.items()
    ]
    return cells + _any_view("flow", settings, views)


def study(settings: Settings, views: Views) -> list[Cell]:
    """Return each view alone, the mean of the views, their joint network, the model on each encoder's embeddings, and
    at every horizon the stack and the model of whole studies; and the stack without what is beyond the cohort."""
    horizon = settings.outcome.horizon_days
    alone = [(view, settings.training.network, horizon) for view in sorted(views.patients)]
    joint = [(ALL_VIEWS, network, horizon) for network in (MEAN, WITHIN, FUSION)] if alone else []
    joint += [(ALL_VIEWS, encoder_model(spec.stem), horizon) for spec in settings.encoders.specs]
    joint += [(ALL_VIEWS, name, days) for name in (STACK, STUDY_MODEL) for days in interval_ends(horizon) if alone]
    cells = [
        Cell("study", f"{view}-{network}-{days}_days", view, network, CLIPS, "none", days)
        for view, network, days in [*alone, *joint]
    ]
    return cells + _any_view("study", settings, views)


Grid = Callable[[Settings, Views], list[Cell]]
"""From the settings and the views to the cells of an experiment."""
GRIDS: Mapping[ExperimentName, Grid] = {
    "figure2": figure2,
    "figure3": figure3,
    "table1": table1,
    "figure5": figure5,
    "resolution": resolution,
    "flow": flow,
    "inputs": inputs,
    "study": study,
}
"""The experiments, in the order of the preprint; then this project's own."""

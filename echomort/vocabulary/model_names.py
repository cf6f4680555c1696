"""The names of models: how they are written and parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["view", "video", "ehr", "baseline", "fusion", "oracle", "null", "score", "encoder", "external"]
"""In this order: the model of one view; all views together; trees on the health record; a baseline on the health
record; video with the health record; an oracle that knows the truth; models of permuted labels; a clinical score; a
linear model on the embeddings of an encoder that the site brought; a model of somebody else, whose scores a file
holds."""

MADE_ELSEWHERE: frozenset[Kind] = frozenset({"encoder", "external"})
"""Kinds that rest on weights or scores made elsewhere, perhaps from the same patients: never in a candidate."""

ALL_VIEWS = "all_views"
ANY_VIEW = "any_view"
"""In an experiment: stands for the views that it would have, where there is none."""
EHR = "ehr"
VIDEO_EHR = "video_ehr"
PERMUTED_NULL = "permuted_null"
CHAMPION = "champion"
"""In a validation: the risk that is served, by whichever models a study has inputs for."""
ORACLES = {
    "oracle_heart": "log_hazard_heart",
    "oracle_heart_age": "log_hazard_heart_age",
    "oracle_all": "log_hazard_all",
}
"""Oracle -> the column of the generator's truth that it is."""
BEST_FIRST = (VIDEO_EHR, ALL_VIEWS, EHR)
"""The models of a study; the one with the most inputs comes first."""

_KINDS: dict[str, Kind] = {
    ALL_VIEWS: "video",
    EHR: "ehr",
    VIDEO_EHR: "fusion",
    CHAMPION: "fusion",
    PERMUTED_NULL: "null",
}
_VIEW, _BASELINE, _ENCODER, _EXTERNAL = "view:", "ehr:", "encoder:", "external:"


@dataclass(frozen=True)
class ModelName:
    """The parsed name of a model.

    ``kind`` is set for all models; ``view`` for the model of one view; ``learner`` and ``variables`` (its set of
    variables) for a baseline. A name of no other form is that of a clinical score.
    """

    name: str
    kind: Kind
    view: str | None = None
    learner: str | None = None
    variables: str | None = None

    @classmethod
    def parse(cls, name: str) -> ModelName:
        """Return the parsed ``name``.

        >>> ModelName.parse("view:apical_4").view
        'apical_4'
        >>> ModelName.parse("ehr:logistic:echo")
        ModelName(name='ehr:logistic:echo', kind='baseline', view=None, learner='logistic', variables='echo')
        """
        if name.startswith(_VIEW):
            return cls(name, "view", view=name.removeprefix(_VIEW))
        if name.startswith(_BASELINE):
            learner, _, variables = name.removeprefix(_BASELINE).partition(":")
            return cls(name, "baseline", learner=learner, variables=variables)
        if is_encoder_model(name):
            return cls(name, "encoder")
        if name.startswith(_EXTERNAL):
            return cls(name, "external")
        return cls(name, "oracle" if name in ORACLES else _KINDS.get(name, "score"))


def view_model(view: str) -> str:
    """Return the name of the model of one view.

    >>> view_model("apical_4")
    'view:apical_4'
    """
    return f"{_VIEW}{view}"


def baseline(learner: str, variables: str) -> str:
    """Return the name of a baseline on a set of health-record variables.

    >>> baseline("logistic", "echo")
    'ehr:logistic:echo'
    """
    return f"{_BASELINE}{learner}:{variables}"


def encoder_model(encoder: str) -> str:
    """Return the name of the model on the embeddings of ``encoder``.

    >>> encoder_model("panecho")
    'encoder:panecho'
    """
    return f"{_ENCODER}{encoder}"


def is_encoder_model(model: str) -> bool:
    """Return whether ``model`` is the name of one on the embeddings of an encoder."""
    return model.startswith(_ENCODER)


def encoder_of(model: str) -> str:
    """Return the name of the encoder on whose embeddings ``model`` is.

    >>> encoder_of("encoder:panecho")
    'panecho'
    """
    return model.removeprefix(_ENCODER)


def external_model(file: str) -> str:
    """Return the name of the model whose scores are in the file called ``file`` (without its suffix).

    >>> external_model("encoder")
    'external:encoder'
    """
    return f"{_EXTERNAL}{file}"


def external_file(model: str) -> str:
    """Return the name, without its suffix, of the file that holds the scores of ``model``.

    >>> external_file("external:encoder")
    'encoder'
    """
    return model.removeprefix(_EXTERNAL)

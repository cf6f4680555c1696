"""How pages, figures and the terminal name the parts of a cell: its view, network, picture and variables."""

from echomort.report.words import count, readable, view_words
from echomort.vocabulary.model_names import ALL_VIEWS, encoder_of, is_encoder_model

NO_VIDEO = "No video"
NETWORKS = {
    "cnn_3d": "3-D CNN",
    "cnn_3d_gap": "3-D CNN + GAP",
    "cnn_2d_lstm": "2-D CNN + LSTM",
    "cnn_2d_gap": "2-D CNN + GAP",
    "mean": "mean of the views",
    "stack": "stack of the views",
    "stack_within": "stack, none beyond the cohort",
    "early_fusion": "joint network",
    "study_model": "study model",
}
"""Networks in the order in which they are listed; others follow by name."""
VARIABLES = {"none": "no records", "ten": "ten variables", "method": "158 variables"}
"""Variables of the health record that a cell gets, in the order in which they are listed."""
PICTURES = {
    "clips": "clips",
    "clips+flow": "clips and flow",
    "annotated": "annotated",
    "raw": "raw",
    "reduction_1": "reduced by 1",
    "reduction_2": "reduced by 2",
    "reduction_3": "reduced by 3",
    "reduction_4": "reduced by 4",
}
"""Pictures that a cell gets, in the order in which they are listed; others follow by name."""


def video_name(view: str | None) -> str:
    """Return the name of what a cell sees: ``No video``, ``All views`` or a view."""
    return NO_VIDEO if view is None else "All views" if view == ALL_VIEWS else view_words(view)


def network_name(network: str | None) -> str:
    """Return the name of a network, or of a model on an encoder's embeddings; a dash where there is none."""
    if network is not None and is_encoder_model(network):
        return f"encoder {encoder_of(network)}"
    return "\N{EN DASH}" if network is None else NETWORKS.get(network, readable(network))


def picture_name(picture: str | None) -> str:
    """Return the name of a picture; a dash where there is none."""
    return "\N{EN DASH}" if picture is None else PICTURES.get(picture, readable(picture).lower())


def horizon_name(days: int) -> str:
    """Return a horizon with its unit.

    >>> horizon_name(365)
    '365 days'
    """
    return f"{count(days)} days"


def input_name(view: str | None, variables: str) -> str:
    """Return the inputs of a cell in a few words.

    >>> input_name(None, "method"), input_name("all_views", "ten"), input_name("apical_4", "none")
    ('158 variables', 'All views and ten variables', 'Apical four-chamber')
    """
    records = VARIABLES.get(variables, readable(variables).lower())
    if view is None:
        return records
    return video_name(view) if variables == "none" else f"{video_name(view)} and {records}"

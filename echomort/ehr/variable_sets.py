"""Which variables of the catalogue models learn from, and which are shown to readers."""

from collections.abc import Mapping

from echomort.ehr.variables import METHOD, VariableSet, names
from echomort.vocabulary.baselines import FEW

PARTS: Mapping[str, tuple[VariableSet, ...]] = {
    "clinical": ("clinical", "diagnosis"),
    "echo": ("echo",),
    "all": METHOD,
}
"""Variables of a baseline -> the sets of the catalogue that they consist of."""
VARIABLES: Mapping[str, tuple[str, ...]] = {**{name: names(*sets) for name, sets in PARTS.items()}, **FEW}
"""The names of the variables of each baseline: the 100 clinical, the 58 of the echo, all 158, and the few."""
OFFERED: Mapping[str, tuple[VariableSet, ...]] = {"method": METHOD, "extended": (*METHOD, "extended")}
"""``tabular.variables`` -> the sets of the shipped catalogue that the trees get; ``catalogue``: every variable."""
TEN = (
    "age",
    "tr_vmax",
    "heart_rate",
    "ldl",
    "lvef",
    "dbp",
    "pa_acc_time",
    "sbp",
    "pa_acc_slope",
    "diastolic_function",
)
"""The ten variables that the method's readers were shown, by their rank in its model (preprint, pages 15 to 17)."""

"""Which variables of the catalogue the models of the health record learn from."""

from collections.abc import Mapping

from echomort.ehr.variables import VariableSet, names
from echomort.vocabulary.baselines import FEW

PARTS: Mapping[str, tuple[VariableSet, ...]] = {
    "clinical": ("clinical", "diagnosis"),
    "echo": ("echo",),
    "all": ("echo", "clinical", "diagnosis"),
}
"""Variables of a baseline -> the sets of the catalogue that they consist of."""
VARIABLES: Mapping[str, tuple[str, ...]] = {**{name: names(*sets) for name, sets in PARTS.items()}, **FEW}
"""The names of the variables of each baseline: the 100 clinical, the 58 of the echo, all 158, and the few."""

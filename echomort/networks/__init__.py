"""The networks: clips in, one logit a clip out; each a file here, or an entry point of another package.

Nothing here imports torch: the names are known without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import pydantic

from echomort.core.errors import UserError
from echomort.core.registry import Registry
from echomort.core.written import Written

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

NORM_MOMENTUM = 0.01
"""Weight of a new batch in the running statistics; Keras calls it 0.99."""
DROPOUT = 0.5
"""Share of the features left out in training, before the last layer (the authors' code)."""
MOST_NETWORKS = 20
"""Most networks of which a mean is taken: a training costs as many times more. Chosen here."""


class NetworkSettings(Written):
    """A network's own settings: none here, those that a subclass adds; an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Branch(pydantic.BaseModel):
    """One kind of picture that a network takes: the clips of a view, or their optical flow."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    name: str
    shape: tuple[int, int, int]
    """Frames, height, width."""
    channels: Literal[1, 3] = 1
    """1: grey, (frames, height, width); 3: colours, (frames, height, width, 3)."""

    @property
    def stored(self) -> tuple[int, ...]:
        """The shape of one picture as it is stored."""
        return self.shape if self.channels == 1 else (*self.shape, self.channels)


@dataclass(frozen=True)
class Wanted:
    """What a network is built for: the ``shape`` of its clips (frames, height, width), the weight of a new batch in
    batch-normalisation statistics, the network's own settings, validated, and the share of features that ``dropout``
    leaves out in training, before the last layer.

    Only a network that joins reads the rest: its ``branches``, of which ``shape`` is the first's, and the number of
    ``columns`` that the variables of the record become (0: no records).
    """

    shape: tuple[int, int, int]
    norm_momentum: float
    settings: Any
    branches: tuple[Branch, ...] = ()
    columns: int = 0
    dropout: float = DROPOUT


@runtime_checkable
class Builder(Protocol):
    """Returns a freshly drawn torch module for what is wanted."""

    def __call__(self, wanted: Wanted, /) -> nn.Module: ...


class Records(Protocol):
    """Turns variables of the record into columns of a network, fitted on the rows that it is trained on."""

    @property
    def width(self) -> int:
        """The number of columns."""

    def columns(self, matrix: np.ndarray, /) -> np.ndarray:
        """Return the columns, float32 (n, width), of variables float64 (n, variables), NaN where missing."""

    def to_bytes(self) -> bytes:
        """Return what is stored beside the weights: with it new rows can be scored."""


@runtime_checkable
class FitRecords(Protocol):
    """Fits :class:`Records` on ``matrix`` (n, variables), of which ``training`` (n,) bool are the rows that the network
    is trained on; ``settings`` are those of the imputation, by name."""

    def __call__(
        self, matrix: np.ndarray, names: Sequence[str], training: np.ndarray, settings: Mapping[str, Any], /
    ) -> Records: ...


@dataclass(frozen=True)
class Network:
    """One kind of network.

    ``build`` returns a freshly drawn module that takes clips (n, frames, height, width) as uint8, or as float32 of the
    same values 0 to 255, and returns logits (n,). ``smallest`` is the smallest clip that it takes (frames, height,
    width); ``settings`` the model of its own settings. ``optimizer`` trains it where the settings leave that to the
    network. ``compiled``: on a processor its units are computed by the kernel of :mod:`echomort.networks._kernel`, in
    float32.

    One that ``joins`` takes several branches, and colours; one with ``records`` takes variables too, as that function
    prepares them. With more than one branch, or with variables, the module is called with pictures (a tensor a branch,
    zeros where a sample has none), present (n, branches) bool, on the CPU, and variables float32 (n, columns) or None.
    """

    description: str
    smallest: tuple[int, int, int]
    build: Builder
    settings: type[NetworkSettings] = NetworkSettings
    optimizer: Literal["adagrad", "rmsprop", "adam"] = "adagrad"
    compiled: bool = False
    joins: bool = False
    records: FitRecords | None = None


NETWORKS = Registry("network", "echomort.networks", Network)


def build_network(
    name: str,
    shape: tuple[int, int, int],
    norm_momentum: float = NORM_MOMENTUM,
    settings: Mapping[str, Any] | None = None,
    dropout: float = DROPOUT,
) -> nn.Module:
    """Return the network ``name`` for clips of ``shape`` (frames, height, width), freshly drawn.

    Raises :class:`UserError` where there is no such network, its settings are impossible, or the clips are too small.
    """
    return build_joint_network(
        name, (Branch(name="clips", shape=shape),), 0, norm_momentum=norm_momentum, settings=settings, dropout=dropout
    )


def build_joint_network(  # noqa: PLR0913
    name: str,
    branches: Sequence[Branch],
    columns: int,
    *,
    norm_momentum: float = NORM_MOMENTUM,
    settings: Mapping[str, Any] | None = None,
    dropout: float = DROPOUT,
    networks: int = 1,
) -> nn.Module:
    """Return the network ``name`` for ``branches`` and ``columns`` made from variables (0: none), freshly drawn; of
    several ``networks`` their mean, whose logits in training are those of each, (networks, n).

    Raises :class:`UserError` as :func:`build_network` does, and where the network does not take so much.
    """
    check_branches(name, branches, columns > 0)
    own = own_settings(name, settings or {})
    wanted = Wanted(branches[0].shape, norm_momentum, own, tuple(branches), columns, dropout)
    drawn = [NETWORKS.call(name, lambda network: network.build(wanted)) for _ in range(networks)]
    if networks == 1:
        return drawn[0]
    from echomort.networks._averaged import Averaged

    return Averaged(drawn)


def check_branches(name: str, branches: Sequence[Branch], has_variables: bool) -> None:
    """Raise :class:`UserError` where the network ``name`` does not take these branches or variables, or where clips are
    too small for it."""
    network = NETWORKS.get(name)
    if not network.joins and (len(branches) > 1 or branches[0].channels > 1):
        raise UserError(f"the network {name} takes grey clips of one kind only", f"set {_of_those('joins')}")
    if has_variables and network.records is None:
        raise UserError(f"the network {name} takes no variables of the record", f"set {_of_those('records')}")
    for branch in branches:
        if any(edge < least for edge, least in zip(branch.shape, network.smallest, strict=True)):
            raise UserError(
                f"clips of {_by(branch.shape)} are too small for the network {name}",
                f"set imaging.clip to at least {_by(network.smallest)} (frames x height x width)",
            )


def own_settings(name: str, given: Mapping[str, Any]) -> NetworkSettings:
    """Return the own settings of the network ``name``: ``given``, and its defaults for the rest. Raises
    :class:`UserError` that names the key."""
    try:
        return NETWORKS.get(name).settings.model_validate(dict(given))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["training.network_settings", *(str(part) for part in first["loc"])])
        known = ", ".join(NETWORKS.get(name).settings.model_fields) or "none"
        problem = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{key}: {problem}", f"settings of the network {name}: {known}") from None


def _of_those(field: str) -> str:
    """Return the setting with the networks that have the field ``field``."""
    return "training.network: " + ", ".join(name for name, network in NETWORKS.all().items() if getattr(network, field))


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

"""The networks: clips in, one logit a clip out; each a file here, or an entry point of another package.

Nothing here imports torch: the names are known without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import pydantic

from echomort.core.errors import UserError
from echomort.core.registry import Registry

if TYPE_CHECKING:
    from torch import nn

NORM_MOMENTUM = 0.01
"""Weight of a new batch in the running statistics; Keras calls it 0.99."""


class NetworkSettings(pydantic.BaseModel):
    """A network's own settings: none here, those that a subclass adds; an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Wanted:
    """What a network is built for: the ``shape`` of its clips (frames, height, width), the weight of a new batch in
    batch-normalisation statistics, and the network's own settings, validated."""

    shape: tuple[int, int, int]
    norm_momentum: float
    settings: Any


@runtime_checkable
class Builder(Protocol):
    """Returns a freshly drawn torch module for what is wanted."""

    def __call__(self, wanted: Wanted, /) -> nn.Module: ...


@dataclass(frozen=True)
class Network:
    """One kind of network.

    ``build`` returns a freshly drawn module that takes clips (n, frames, height, width) as uint8, or as float32 of the
    same values 0 to 255, and returns logits (n,). ``smallest`` is the smallest clip that it takes (frames, height,
    width); ``settings`` the model of its own settings. ``optimizer`` trains it where the settings leave that to the
    network. ``compiled``: on a processor its units are computed by the kernel of :mod:`echomort.networks._kernel`, in
    float32.
    """

    description: str
    smallest: tuple[int, int, int]
    build: Builder
    settings: type[NetworkSettings] = NetworkSettings
    optimizer: Literal["adagrad", "rmsprop", "adam"] = "adagrad"
    compiled: bool = False


NETWORKS = Registry("network", "echomort.networks", Network)


def build_network(
    name: str,
    shape: tuple[int, int, int],
    norm_momentum: float = NORM_MOMENTUM,
    settings: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Return the network ``name`` for clips of ``shape`` (frames, height, width), freshly drawn.

    Raises :class:`UserError` where there is no such network, its settings are impossible, or the clips are too small.
    """
    check_clip(name, shape)
    wanted = Wanted(shape, norm_momentum, own_settings(name, settings or {}))
    return NETWORKS.call(name, lambda network: network.build(wanted))


def check_clip(name: str, shape: tuple[int, int, int]) -> None:
    """Raise :class:`UserError` where clips of ``shape`` are too small for the network ``name``."""
    smallest = NETWORKS.get(name).smallest
    if any(edge < least for edge, least in zip(shape, smallest, strict=True)):
        raise UserError(
            f"clips of {_by(shape)} are too small for the network {name}",
            f"set imaging.clip to at least {_by(smallest)} (frames x height x width)",
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
        raise UserError(f"{key}: {first['msg']}", f"settings of the network {name}: {known}") from None


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

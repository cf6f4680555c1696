"""The spec of an encoder: what it takes and gives, where its weights are, and under which licence."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import ConfigDict, Field

from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.written import Written
from echomort.core.yaml_text import read_yaml
from echomort.settings import ClipSettings
from echomort.settings.sections import Encoders

PAGE = "docs/extending/encoder.md lists what a spec holds"
CHANNELS = {"grey": 1, "rgb": 3}
"""Colours of the input -> how many channels hold them. A clip is grey: three channels are three times the same."""
MOST_NUMBERS = 65_536
"""Numbers of an embedding at most: 64 times those of the largest encoder that the documentation names, so that a typing
error does not fill the memory. Our choice."""

Text = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Part(Written):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderInput(_Part):
    """What the encoder takes: ``frames`` of ``height`` x ``width`` at ``fps`` a second, float32. A pixel p, 0 to 255,
    becomes (p / 255 * ``white`` - mean) / std, each of these with a number a channel."""

    frames: int = Field(ge=1, le=1000)
    height: int = Field(ge=8, le=2048)
    width: int = Field(ge=8, le=2048)
    fps: float = Field(gt=0, le=240)
    colour: Literal["grey", "rgb"]
    white: float = Field(gt=0, allow_inf_nan=False)
    mean: tuple[Finite, ...]
    std: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return CHANNELS[self.colour]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(channels, frames, height, width) of one clip."""
        return self.channels, self.frames, self.height, self.width

    def clip(self) -> ClipSettings:
        """Return the settings of a clip of this size and rate."""
        return ClipSettings(frames=self.frames, height=self.height, width=self.width, fps=self.fps)

    @pydantic.model_validator(mode="after")
    def _has_a_number_a_channel(self) -> "EncoderInput":
        if {len(self.mean), len(self.std)} != {self.channels}:
            raise ValueError(f"mean and std have {self.channels} numbers where colour is {self.colour}")
        return self


class EncoderSpec(_Part):
    """One encoder. ``name`` is that of its file; ``weights`` is a TorchScript file; ``terms`` says where the text of
    the ``licence`` is; ``output`` is how many numbers an embedding has."""

    name: Text
    weights: Path
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    licence: Text
    terms: Text
    input: EncoderInput
    output: int = Field(ge=1, le=MOST_NUMBERS)

    @property
    def digest(self) -> str:
        """Digest of what decides embeddings: weights, input and output."""
        return digest(self.sha256, self.input, self.output)

    def read_weights(self) -> bytes:
        """Return the content of the weights' file, if it is the one that the spec names.

        Raises :class:`UserError` where it can't be read, or has another SHA-256.
        """
        try:
            content = self.weights.read_bytes()
        except OSError:
            raise UserError(
                f"the weights {self.weights.name} of the encoder {self.name} can't be read",
                "put the file where its spec says, relative to the spec",
            ) from None
        if (found := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise UserError(
                f"the weights of the encoder {self.name} are not those that its spec names (SHA-256 {found[:12]}..., "
                f"and not {self.sha256[:12]}...)",
                "get the file again or, if you trust this one, write its SHA-256 into the spec",
            )
        return content


def read_spec(file: Path) -> EncoderSpec:
    """Return the spec in the YAML ``file``. Raises :class:`UserError` with the key that is wrong."""
    named = f"the encoder's spec {file.name} (encoders.specs)"
    try:
        content: Any = read_yaml(file.read_bytes())
    except OSError:
        raise UserError(f"{named} can't be read", "name a file that exists and that you can read") from None
    except yaml.YAMLError:
        raise UserError(f"{named} is no valid YAML", PAGE) from None
    if not isinstance(content, dict):
        raise UserError(f"{named} is no mapping of keys", PAGE)
    if isinstance(content.get("weights"), str):
        content = {**content, "weights": file.absolute().parent / content["weights"]}
    try:
        return EncoderSpec(name=file.stem, **content)
    except (pydantic.ValidationError, TypeError) as error:
        raise UserError(f"{named}: {_first_fault(error)}", PAGE) from None


def _first_fault(error: Exception) -> str:
    if not isinstance(error, pydantic.ValidationError):
        return "a key that no spec has"
    fault = error.errors()[0]
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {fault['msg'].removeprefix('Value error, ')}"


def read_specs(settings: Encoders) -> dict[str, EncoderSpec]:
    """Return encoder -> spec, of all that ``settings`` name. Raises :class:`UserError` as :func:`read_spec`."""
    return {spec.name: spec for spec in map(read_spec, settings.specs)}


def check_encoders(settings: Encoders) -> None:
    """Raise :class:`UserError` where a spec or its weights can't be used, or its licence was not accepted."""
    for spec in read_specs(settings).values():
        require_accepted(spec, settings.accepted_licences)
        spec.read_weights()


def require_accepted(spec: EncoderSpec, accepted: Iterable[str]) -> None:
    """Raise :class:`UserError` unless the licence of ``spec`` is among the ``accepted``."""
    if spec.licence not in accepted:
        raise UserError(
            f"the licence of the encoder {spec.name} is not accepted ({spec.licence}; its terms: {spec.terms})",
            f"read it, and if you accept it set encoders.accepted_licences to ['{spec.licence}']",
        )

"""An encoder at work: its weights verified before they are read, its answers before they are kept."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from echomort.core.errors import LONGEST_MESSAGE, UserError
from echomort.dicom.conversion import converted
from echomort.encoders.spec import EncoderInput, EncoderSpec

CLIPS_AT_ONCE = 8
"""Clips of a study that are encoded together: of 32 frames of 224x224 in colours they are 150 MB. Our choice."""
ROUNDING = 1e-3
"""Share of an embedding's largest number by which it may change beside another clip: sums in another order. Our choice:
far above float32's rounding, far below what batch statistics change."""


@dataclass(frozen=True)
class Encoder:
    """A TorchScript module with the ``spec`` of what it takes and gives, on a processor, in float32."""

    spec: EncoderSpec
    module: torch.nn.Module

    @classmethod
    def load(cls, spec: EncoderSpec) -> "Encoder":
        """Read the weights of ``spec``. TorchScript is code: it is read only where its SHA-256 is the spec's.

        Raises :class:`UserError`.
        """
        content = spec.read_weights()
        try:
            module = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
        except (RuntimeError, torch.jit.Error) as error:
            raise UserError(
                f"the weights of the encoder {spec.name} are no TorchScript file ({_cause(error)})",
                "export the encoder with torch.jit.trace and torch.jit.save (docs/extending/encoder.md)",
            ) from None
        return cls(spec, module.eval())

    def check(self, clip: np.ndarray, fps: float) -> None:
        """Raise :class:`UserError` where the encoder gives ``clip`` other numbers when it is asked again, or when it is
        asked of two clips at once; arguments as :meth:`embed` takes them."""
        pixels = prepared(clip, fps, self.spec.input)[None]
        alone, again = self._answers(pixels), self._answers(pixels)
        beside = self._answers(torch.cat([pixels, pixels.flip(-1) + 1]))[:1]
        if not np.array_equal(alone, again):
            raise UserError(
                f"the encoder {self.spec.name} gives one clip other numbers when it is asked again",
                "export it in evaluation mode, after .eval(), without dropout or anything else that is drawn",
            )
        if np.abs(alone - beside).max() > ROUNDING * max(1.0, float(np.abs(alone).max())):
            raise UserError(
                f"the encoder {self.spec.name} gives a clip other numbers when another clip is beside it",
                "export it in evaluation mode, after .eval(), so that normalisation uses the statistics of training",
            )

    def embed(self, clips: Sequence[np.ndarray], fps: float) -> np.ndarray:
        """Return the embeddings of ``clips``, uint8 (frames, height, width) at ``fps`` a second, as float32 (clips,
        numbers).

        The same clips in the same order give the same bits. Raises :class:`UserError` where the encoder does not take
        what its spec states, or gives something else.
        """
        found = [np.empty((0, self.spec.output), np.float32)]
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            part = clips[start : start + CLIPS_AT_ONCE]
            found.append(self._answers(torch.stack([prepared(clip, fps, self.spec.input) for clip in part])))
        return np.concatenate(found)

    def _answers(self, pixels: torch.Tensor) -> np.ndarray:
        name, taken = self.spec.name, f"float32 {tuple(pixels.shape)}"
        try:
            # optimized after its first calls, a module would round otherwise than in these
            with torch.inference_mode(), torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
                answer = self.module(pixels)
        except (RuntimeError, torch.jit.Error) as error:
            raise UserError(
                f"the encoder {name} does not take the input that its spec states, {taken} ({_cause(error)})",
                "correct input in the spec, or export the encoder for such an input, of any number of clips",
            ) from None
        given = f"{answer.dtype} {tuple(answer.shape)}" if isinstance(answer, torch.Tensor) else type(answer).__name__
        stated = f"torch.float32 {(len(pixels), self.spec.output)}"
        if given != stated:
            raise UserError(
                f"the encoder {name} gives {given.removeprefix('torch.')}, where its spec states {stated[6:]}",
                "correct output in the spec, or export the encoder with such an output",
            )
        embeddings: np.ndarray = answer.numpy()
        if not np.isfinite(embeddings).all():
            raise UserError(
                f"the encoder {name} gives numbers that are not finite",
                "correct white, mean and std in the spec, or use weights without such numbers",
            )
        return embeddings


def prepared(clip: np.ndarray, fps: float, wanted: EncoderInput) -> torch.Tensor:
    """Return ``clip``, uint8 (frames, height, width) at ``fps`` a second, as ``wanted``: float32 (channels, frames,
    height, width). Frames keep their aspect; what is missing at their sides and at the end is black."""
    larger = wanted.height > clip.shape[1] or wanted.width > clip.shape[2]
    settings = wanted.clip().model_copy(update={"resize": "linear" if larger else "area"})
    pixels = torch.from_numpy(converted(clip, fps, settings, settings.shape)).float() * (wanted.white / 255)
    mean, std = (torch.tensor(numbers).view(-1, 1, 1, 1) for numbers in (wanted.mean, wanted.std))
    return (pixels - mean) / std


def _cause(error: Exception) -> str:
    """Return the last line of what torch says, which names the cause; those before it are places in the module."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:LONGEST_MESSAGE]

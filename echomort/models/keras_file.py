"""Reading the weights of a Keras file (HDF5), if they have the layout that is expected."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from echomort.core.errors import UserError

if TYPE_CHECKING:
    import h5py

MAX_BYTES = 64 << 20
"""Bytes (64 MiB) of a weight file at most. Our choice: the published one has a hundred kilobytes."""
DAMAGED = (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, AttributeError, MemoryError)
"""What h5py raises for a damaged file."""
REMEDY = "only the authors' model.h5 can be read (docs/weights.md): name your copy of it, unchanged"
"""For any file that is another one."""
VARIANCE = "moving_variance"
"""Keras's name of the one weight that is never below 0."""

Layout = Mapping[str, Mapping[str, tuple[int, ...]]]
"""Layer -> weight (``kernel``, ``bias``, ``gamma``, ...) -> its shape."""
Weights = dict[str, dict[str, np.ndarray]]
"""Layer -> weight -> its values, float32."""


def read_bytes(path: Path) -> bytes:
    """Return the content of ``path``, or raise :class:`UserError`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name} is larger than 64 MiB", REMEDY)
        return path.read_bytes()
    except OSError:
        raise UserError(f"{path} can't be read", "name a file that exists and that you may read") from None


def read_weights(content: bytes, name: str, layout: Layout) -> Weights:
    """Return the weights of the HDF5 file ``content``, called ``name`` in messages, layer by layer as in ``layout``.

    A layer's weights lie at ``LAYER/.../WEIGHT:0``. Raises :class:`UserError` where h5py is not installed, and for a
    file that is no HDF5, lacks a layer or has another one, or holds other shapes, types or values than numbers; it
    names the layer.
    """
    h5py = _h5py()
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            found = _datasets(file)
            _check_layers(set(found), set(layout), name)
            return {layer: _layer(found[layer], shapes, f"{name}: {layer}") for layer, shapes in layout.items()}
    except DAMAGED:
        raise UserError(f"{name} is no HDF5 file, or a damaged one", REMEDY) from None


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise UserError(
            "Keras files are read by h5py, which is not installed", "pip install 'echomort[weights]'"
        ) from None
    return h5py


def _datasets(group: h5py.Group) -> dict[str, dict[str, h5py.Dataset]]:
    """Return layer -> weight -> dataset; links, which may lead to other files, are not followed."""
    found: dict[str, dict[str, Any]] = {}

    def visit(path: str, item: Any) -> None:
        if hasattr(item, "shape"):
            layer, _, rest = path.partition("/")
            weights, name = found.setdefault(layer, {}), rest.rpartition("/")[2].removesuffix(":0")
            weights[rest if name in weights else name] = item  # one of the same name twice: another layout

    group.visititems(visit)
    return found


def _check_layers(found: set[str], expected: set[str], name: str) -> None:
    if missing := sorted(expected - found):
        raise UserError(f"{name} has another layout: no layer {missing[0]}", REMEDY)
    if more := sorted(found - expected):
        raise UserError(f"{name} has another layout: the published network has no layer {more[0][:64]!r}", REMEDY)


def _layer(
    found: Mapping[str, h5py.Dataset], shapes: Mapping[str, tuple[int, ...]], where: str
) -> dict[str, np.ndarray]:
    if found.keys() != shapes.keys():
        raise UserError(f"{where} has the weights {_listed(found)}, not {_listed(shapes)}", REMEDY)
    return {weight: _values(found[weight], shape, where, weight) for weight, shape in shapes.items()}


def _values(dataset: h5py.Dataset, shape: tuple[int, ...], layer: str, weight: str) -> np.ndarray:
    where = f"{layer} {weight}"
    if dataset.shape != shape or dataset.dtype.kind != "f":
        raise UserError(f"{where} is {_by(dataset.shape)} {dataset.dtype}, not {_by(shape)} numbers", REMEDY)
    if dataset.is_virtual or dataset.external:
        raise UserError(f"{where} lies in another file", REMEDY)
    values = np.asarray(dataset[()], np.float32)
    if not np.isfinite(values).all() or (weight == VARIANCE and (values < 0).any()):
        raise UserError(f"{where} holds values that are not numbers, or a variance below 0", REMEDY)
    return values


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(name[:64] for name in sorted(names)) or "(none)"


def _by(shape: tuple[int, ...] | None) -> str:
    return "x".join(map(str, shape or ())) or "one value of"

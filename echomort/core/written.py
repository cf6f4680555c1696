"""What a person wrote keeps its kind: `true` is no number, 1 is no truth value, an empty text no path."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pydantic


class Written(pydantic.BaseModel):
    """A model of values that a person wrote. Pydantic's conversions stay (a list is a tuple, the text 1e-3 a number,
    the text true a truth value), but for those that take a value for one of another kind."""

    @pydantic.field_validator("*", mode="wrap")
    @classmethod
    def _of_its_kind(cls, value: Any, settle: pydantic.ValidatorFunctionWrapHandler) -> Any:
        settled = settle(value)
        _refuse_another_kind(value, settled)
        return settled


def _refuse_another_kind(given: Any, settled: Any) -> None:
    """Raise ValueError where ``given``, or a part of it, is of another kind than what pydantic made of it."""
    if isinstance(settled, Mapping) and isinstance(given, Mapping):
        for key in settled.keys() & given.keys():
            _refuse_another_kind(given[key], settled[key])
    elif isinstance(settled, tuple) and isinstance(given, list | tuple):
        for one, part in zip(given, settled, strict=True):
            _refuse_another_kind(one, part)
    elif remedy := _another_kind(given, settled):
        raise ValueError(remedy)


def _another_kind(given: Any, settled: Any) -> str:
    """Return what to write instead; an empty text where the kind is the same."""
    if isinstance(given, bool) and not isinstance(settled, bool):
        return "write a number, not true or false"
    if isinstance(settled, bool) and isinstance(given, int | float) and not isinstance(given, bool):
        return "write true or false"
    if isinstance(settled, date) and isinstance(given, int | float):
        return "write a day, such as 2024-12-31"  # pydantic counts days or seconds from 1970
    if isinstance(settled, Path) and given == "":
        return "write a path, or null for none"  # it would be the folder in which the command was started
    return ""

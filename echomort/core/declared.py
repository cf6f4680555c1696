"""Whether the fields of a dataclass that somebody else made hold what they declare."""

import dataclasses
import functools
from typing import Any, get_type_hints

import pydantic

CHECKS = pydantic.ConfigDict(strict=True, arbitrary_types_allowed=True, revalidate_instances="always")


def wrong_field(thing: Any) -> str | None:
    """Return which field of the dataclass ``thing`` holds something else than it declares, and what it should be; None
    where all are right, or ``thing`` is no dataclass.

    >>> from echomort.evaluation.metric import Metric
    >>> wrong_field(Metric("brier", "Brier score", digits="two"))
    'digits: Input should be a valid integer'
    """
    for field, check in _checks(thing.__class__).items():
        try:
            check.validate_python(getattr(thing, field))
        except pydantic.ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            return f"{'.'.join(map(str, (field, *first['loc'])))}: {first['msg']}"
    return None


@functools.cache
def _checks(kind: type[Any]) -> dict[str, pydantic.TypeAdapter[Any]]:
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = get_type_hints(kind)
    return {field.name: pydantic.TypeAdapter(hints[field.name], config=CHECKS) for field in dataclasses.fields(kind)}

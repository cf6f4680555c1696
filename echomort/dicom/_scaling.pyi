from typing import Any

def scale(
    frame: Any,
    columns: int,
    top: int,
    left: int,
    mask: Any,
    spans: Any,
    down_start: Any,
    down_weight: Any,
    along_start: Any,
    along_weight: Any,
    out: Any,
) -> None: ...
def cover(
    mask: Any, spans: Any, down_start: Any, down_weight: Any, along_start: Any, along_weight: Any, out: Any
) -> None: ...
def blend(before: Any, after: Any, weight: float, out: Any) -> None: ...

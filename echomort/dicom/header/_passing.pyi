def pass_explicit(
    data: bytes,
    span: tuple[int, int, int],
    rules: tuple[int, int, dict[int, bool] | None],
    written: dict[int, tuple[str, bytes]],
    /,
) -> tuple[int, int, int]: ...

import numpy as np

def levels() -> list[str]: ...
def moments(level: str, clip: np.ndarray, out: np.ndarray, /) -> None: ...
def forward(
    level: str,
    clip: np.ndarray,
    w1: np.ndarray,
    b1: np.ndarray,
    w2: np.ndarray,
    b2: np.ndarray,
    z2: np.ndarray,
    peak: np.ndarray,
    place: np.ndarray,
    sums: np.ndarray,
    /,
) -> None: ...
def backward(
    level: str,
    clip: np.ndarray,
    w1: np.ndarray,
    b1: np.ndarray,
    w2: np.ndarray,
    z2: np.ndarray,
    place: np.ndarray,
    gradient: np.ndarray,
    norm: np.ndarray,
    dw1: np.ndarray,
    db1: np.ndarray,
    dw2: np.ndarray,
    /,
) -> None: ...
def maps(level: str, clip: np.ndarray, weights: np.ndarray, last_pools: bool, out: np.ndarray, /) -> None: ...
def convolve(level: str, x: np.ndarray, w: np.ndarray, b: np.ndarray, out: np.ndarray, /) -> None: ...
def weights(level: str, x: np.ndarray, gradient: np.ndarray, out: np.ndarray, /) -> None: ...

"""Two acquisitions zipped into one stack show in the voxels, also where no header tells them apart."""

import numpy as np

from ..errors import GeometryError

# Slices two apart differed 1.3 to 1.8 times as much as neighbours did, over any 8 slices of 20 real CTs (1 to 8 mm)
RATIO = 0.85
WINDOW = 8
MOST_MIXED = 4  # acquisitions
PIXELS = 48  # along the shorter side; every k-th is looked at
SHOWN_HU = (-1000, 200)


def check(voxels_zyx: np.ndarray, name: str) -> None:
    """Refuse a stack where each slice is more like the second (third, fourth) next one than like its neighbour.

    Args:
        voxels_zyx: HU, slices in order.
        name: of the series, for the error.

    Raises:
        GeometryError: it is one: slices of several acquisitions in turn.
    """
    step = max(1, min(voxels_zyx.shape[1:]) // PIXELS)
    planes = np.clip(voxels_zyx[:, ::step, ::step], *SHOWN_HU).astype(np.float32)
    length = min(WINDOW, len(planes) - MOST_MIXED)
    if length < MOST_MIXED:
        return
    least = None
    for apart in range(1, MOST_MIXED + 1):
        unlike = np.array([np.abs(b - a).mean() for a, b in zip(planes, planes[apart:], strict=False)])
        unlike = np.convolve(unlike[: len(planes) - MOST_MIXED], np.ones(length), "valid")
        if least is not None and (unlike < RATIO * least).any():
            raise GeometryError(
                f"The slices of {name} are of {apart} acquisitions (breath-holds, phases or reconstructions) in turn: "
                f"each is less like its neighbour than like the next but {apart - 1}. Export the one to be read as a "
                "series of its own."
            )
        least = unlike if least is None else np.minimum(least, unlike)

"""A CT as the network sees it: 2.5D slices on a 1 mm in-plane grid, and the way back to the CT's grid.

Everything here works on the axial view (z to the head, y to the back, x to the left). The product and the training
take their slices from these functions, so that both see the same numbers.
"""

import numpy as np
from scipy import sparse


def resampling_matrix(n_in: int, step_in: float, n_out: int, step_out: float, first_out: float = 0.0):
    """Sparse (n_out, n_in) matrix that resamples one axis by a triangle filter.

    Input sample i lies at i * step_in mm, output sample j at first_out + j * step_out mm. When enlarging, this is
    linear interpolation; when shrinking, the triangle is as wide as the output step, which is the usual
    antialiasing. Beyond the ends the edge sample goes on for one step; further out the row is empty (all zero).
    """
    width = max(step_in, step_out)
    places = first_out + np.arange(n_out) * step_out
    reach = int(np.ceil(width / step_in)) + 1
    nearest = np.floor(places / step_in).astype(int)
    columns = nearest[:, None] + np.arange(-reach + 1, reach + 1)
    weights = np.clip(1 - np.abs(columns * step_in - places[:, None]) / width, 0, None)
    weights /= weights.sum(1, keepdims=True)
    outside = (places < -step_in) | (places > n_in * step_in)
    weights[outside] = 0
    rows = np.repeat(np.arange(n_out), columns.shape[1])
    matrix = sparse.coo_matrix(
        (weights.ravel(), (rows, np.clip(columns, 0, n_in - 1).ravel())), shape=(n_out, n_in), dtype=np.float32
    )
    return matrix.tocsr()


def neighbours(places_mm: np.ndarray, offsets_mm, step_mm: float, count: int):
    """For slices at ``places_mm`` and their neighbours at ``offsets_mm``: which native slices to mix, and how.

    Native slice k lies at k * step_mm, k < count. Returns lower (n, s) int, upper (n, s) int and weight (n, s)
    float32 of the upper one; clamped at the ends.
    """
    index = (np.asarray(places_mm)[:, None] + np.asarray(offsets_mm)[None]) / step_mm
    index = np.clip(index, 0, count - 1)
    lower = np.minimum(np.floor(index + 1e-6).astype(int), count - 1)
    upper = np.minimum(lower + 1, count - 1)
    return lower, upper, np.clip(index - lower, 0, 1).astype(np.float32)


def scale_hu(hu: np.ndarray, window_hu) -> np.ndarray:
    """Hounsfield units to [0, 1] float32, clipped to the window; air (and padding) is 0."""
    low, high = window_hu
    return np.clip((hu.astype(np.float32) - low) / (high - low), 0, 1)


def prompt_channel(point_zyx_mm, z_mm: float, shape_yx, sigma_mm: float, spacing_mm: float = 1.0) -> np.ndarray:
    """exp(-d^2 / 2 sigma^2) of the 3D distance d of each pixel of the slice at ``z_mm`` from the point.

    All in mm from the slice stack's first pixel. float32 (y, x).
    """
    z, y, x = point_zyx_mm
    dy2 = (np.arange(shape_yx[0]) * spacing_mm - y) ** 2
    dx2 = (np.arange(shape_yx[1]) * spacing_mm - x) ** 2
    d2 = (z_mm - z) ** 2 + dy2[:, None] + dx2[None]
    return np.exp(-d2 / (2 * sigma_mm**2)).astype(np.float32)


def network_input(slices: np.ndarray, places_mm, step_mm: float, card: dict, point_zyx_mm=None) -> np.ndarray:
    """The network's input for the slices at ``places_mm``: (n, y, x, s + 1) float32.

    slices: (z, y, x) HU of consecutive native slices, in plane on the network's grid (``card["spacing_mm"]``).
    point_zyx_mm: the click, in mm from the stack's first voxel; without one the prompt channel is zero.
    """
    places_mm = np.asarray(places_mm, float)
    lower, upper, weight = neighbours(places_mm, card["offsets_mm"], step_mm, len(slices))
    n, s = lower.shape
    out = np.zeros((n, *slices.shape[1:], s + 1), np.float32)
    for i in range(n):
        for j in range(s):
            mixed = slices[lower[i, j]].astype(np.float32)
            if weight[i, j] > 0:
                mixed = mixed + weight[i, j] * (slices[upper[i, j]].astype(np.float32) - mixed)
            out[i, :, :, j] = scale_hu(mixed, card["window_hu"])
        if point_zyx_mm is not None:
            out[i, :, :, s] = prompt_channel(
                point_zyx_mm, places_mm[i], slices.shape[1:], card["prompt_sigma_mm"], card["spacing_mm"]
            )
    return out


AIR_HU = -1024


def in_plane(hu: np.ndarray, rows: sparse.csr_matrix, columns: sparse.csr_matrix) -> np.ndarray:
    """One slice (y, x) HU resampled in plane to int16; what lies outside the scan becomes air."""
    lifted = np.maximum(hu, AIR_HU).astype(np.float32) - AIR_HU  # paddings of -2000 and -3024 are air too
    return (np.rint((columns @ (rows @ lifted).T).T) + AIR_HU).astype(np.int16)


def in_plane_matrices(shape_yx, spacing_yx, spacing_mm: float, box_yx=None):
    """(rows, columns) matrices for `in_plane`: the whole slice, or the ``box_yx`` of network pixels."""
    if box_yx is None:
        box_yx = tuple(slice(0, length) for length in network_shape(shape_yx, spacing_yx, spacing_mm))
    return tuple(
        resampling_matrix(n, step, box.stop - box.start, spacing_mm, box.start * spacing_mm)
        for n, step, box in zip(shape_yx, spacing_yx, box_yx)
    )


def network_shape(shape_yx, spacing_yx, spacing_mm: float) -> tuple[int, int]:
    """Pixels of the network's in-plane grid that cover a slice; pixel 0 lies on voxel 0's centre."""
    return tuple(int(np.ceil((n - 1) * step / spacing_mm - 1e-6)) + 1 for n, step in zip(shape_yx, spacing_yx))

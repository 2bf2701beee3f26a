"""A CT as the network sees it: 2.5D slices on a 1 mm in-plane grid, and the way back to the CT's grid.

Everything here works on the axial view (z to the head, y to the back, x to the left). The product and the training
take their slices from these functions, so that both see the same numbers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..geometry import Box, Geometry, Point, Shape
from ..model.card import NetworkCard

BOX_MULTIPLE = 32  # px; keeps boxes in step with the network's poolings, so that a box and a whole slice agree


def resampling_matrix(
    n_in: int, step_in: float, n_out: int, step_out: float, first_out: float = 0.0
) -> sparse.csr_matrix:
    """Sparse matrix that resamples one axis by a triangle filter.

    Input sample i lies at i * step_in mm, output sample j at first_out + j * step_out mm. When enlarging, this is
    linear interpolation; when shrinking, the triangle is as wide as the output step, which is the usual antialiasing.
    Beyond the ends the edge sample goes on for one step; further out the row is empty (all zero).

    Args:
        n_in: input samples.
        step_in: mm.
        n_out: output samples.
        step_out: mm.
        first_out: mm.

    Returns:
        (n_out, n_in) float32.
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


def neighbours(
    places_mm: np.ndarray, offsets_mm: Sequence[float], step_mm: float, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For slices and their neighbours: which native slices to mix, and how.

    Args:
        places_mm: (n), the slices.
        offsets_mm: (s), their neighbours.
        step_mm: native slice k lies at k * step_mm.
        count: of native slices, k < count.

    Returns:
        Lower (n, s) int, upper (n, s) int and weight (n, s) float32 of the upper one; clamped at the ends.
    """
    index = (np.asarray(places_mm)[:, None] + np.asarray(offsets_mm)[None]) / step_mm
    index = np.clip(index, 0, count - 1)
    lower = np.minimum(np.floor(index + 1e-6).astype(int), count - 1)
    upper = np.minimum(lower + 1, count - 1)
    return lower, upper, np.clip(index - lower, 0, 1).astype(np.float32)


def scale_hu(hu: np.ndarray, window_hu: tuple[float, float]) -> np.ndarray:
    """Hounsfield units to [0, 1], clipped to the window; air (and padding) is 0.

    Args:
        hu: of any shape.
        window_hu: lowest and highest HU.

    Returns:
        float32, of the same shape.
    """
    low, high = window_hu
    return np.clip((hu.astype(np.float32) - low) / (high - low), 0, 1)


def prompt_channel(
    point_zyx_mm: Iterable[float], z_mm: float, shape_yx: Sequence[int], sigma_mm: float, spacing_mm: float = 1.0
) -> np.ndarray:
    """exp(-d^2 / 2 sigma^2) of the 3D distance d of each pixel of the slice at ``z_mm`` from the point.

    Args:
        point_zyx_mm: mm from the slice stack's first pixel.
        z_mm: of the slice, from there too.
        shape_yx: of the slice, pixels.
        sigma_mm: mm.
        spacing_mm: of the pixels.

    Returns:
        float32 (y, x).
    """
    z, y, x = point_zyx_mm
    dy2 = (np.arange(shape_yx[0]) * spacing_mm - y) ** 2
    dx2 = (np.arange(shape_yx[1]) * spacing_mm - x) ** 2
    d2 = (z_mm - z) ** 2 + dy2[:, None] + dx2[None]
    return np.exp(-d2 / (2 * sigma_mm**2)).astype(np.float32)


def network_input(
    slices: np.ndarray,
    places_mm: ArrayLike,
    step_mm: float,
    card: NetworkCard,
    point_zyx_mm: Iterable[float] | None = None,
) -> np.ndarray:
    """The network's input for the slices at ``places_mm``.

    Args:
        slices: (z, y, x) HU of consecutive native slices, in plane on the network's grid (``card.spacing_mm``).
        places_mm: (n), from the first of these slices.
        step_mm: from one of these slices to the next.
        point_zyx_mm: the click, in mm from the stack's first voxel; without one the prompt channel is zero.

    Returns:
        (n, y, x, s + 1) float32: s neighbours, then the prompt channel.
    """
    places_mm = np.asarray(places_mm, float)
    lower, upper, weight = neighbours(places_mm, card.offsets_mm, step_mm, len(slices))
    n, s = lower.shape
    out = np.zeros((n, *slices.shape[1:], s + 1), np.float32)
    for j in range(s):
        mixed = slices[lower[:, j]].astype(np.float32)
        if weight[:, j].any():
            mixed += weight[:, j, None, None] * (slices[upper[:, j]].astype(np.float32) - mixed)
        out[..., j] = scale_hu(mixed, card.window_hu)
    if point_zyx_mm is not None:
        for i in range(n):
            out[i, :, :, s] = prompt_channel(
                point_zyx_mm, places_mm[i], slices.shape[1:], card.prompt_sigma_mm, card.spacing_mm
            )
    return out


AIR_HU = -1024


def in_plane(hu: np.ndarray, rows: sparse.csr_matrix, columns: sparse.csr_matrix) -> np.ndarray:
    """One slice resampled in plane; what lies outside the scan becomes air.

    Args:
        hu: (y, x) HU.
        rows: as `in_plane_matrices` gives it.
        columns: the same.

    Returns:
        int16 (y, x) HU.
    """
    lifted = np.maximum(hu, AIR_HU).astype(np.float32) - AIR_HU  # paddings of -2000 and -3024 are air too
    return (np.rint((columns @ (rows @ lifted).T).T) + AIR_HU).astype(np.int16)


def in_plane_matrices(
    shape_yx: Sequence[int], spacing_yx: Sequence[float], spacing_mm: float, box_yx: Box | None = None
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """The matrices for `in_plane`.

    Args:
        shape_yx: of a slice.
        spacing_yx: of a slice, mm.
        spacing_mm: of the network's pixels.
        box_yx: of network pixels; the whole slice if not given.

    Returns:
        That of the rows, that of the columns.
    """
    if box_yx is None:
        box_yx = Box.whole(network_shape(shape_yx, spacing_yx, spacing_mm))
    rows, columns = (
        resampling_matrix(n, step, count, spacing_mm, start * spacing_mm)
        for n, step, count, start in zip(shape_yx, spacing_yx, box_yx.shape, box_yx.start, strict=True)
    )
    return rows, columns


def network_shape(shape_yx: Sequence[int], spacing_yx: Sequence[float], spacing_mm: float) -> tuple[int, int]:
    """Pixels of the network's in-plane grid that cover a slice; pixel 0 lies on voxel 0's centre.

    Args:
        shape_yx: of the slice.
        spacing_yx: of the slice, mm.
        spacing_mm: of the network's pixels.

    Returns:
        Rows and columns.
    """
    rows, columns = (
        int(np.ceil((n - 1) * step / spacing_mm - 1e-6)) + 1 for n, step in zip(shape_yx, spacing_yx, strict=True)
    )
    return rows, columns


@dataclass(frozen=True)
class Plan:
    """Which slices to run, and which network pixels of them.

    Attributes:
        axial: grid of the CT's axial view.
        runs: native indices of the slices to run.
        box_yx: network pixels (1 mm, pixel 0 on voxel 0's centre; may begin below 0 or end beyond the scan, which is
            air).
    """

    axial: Geometry
    card: NetworkCard
    runs: np.ndarray
    box_yx: Box

    @property
    def shape(self) -> Shape:
        """Of the map that the network makes: (runs, y, x)."""
        rows, columns = self.box_yx.shape
        return len(self.runs), rows, columns

    @property
    def every(self) -> int:
        """Native slices from one run to the next."""
        return int(self.runs[1] - self.runs[0]) if len(self.runs) > 1 else 1

    def part(self, map_box: Box) -> "Plan":
        """The plan that makes a part of the map.

        Args:
            map_box: (runs, y, x).
        """
        in_plane = Box(map_box.start[1:], map_box.stop[1:])
        return replace(self, runs=self.runs[map_box.slices[0]], box_yx=in_plane.shift(self.box_yx.start))

    def batches(
        self, view: np.ndarray, size: int, point_lps: Point | None = None, first: int = 0
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """The network's input, some runs at a time.

        Native slices are resampled once and kept only while needed.

        Args:
            view: (z, y, x) HU, the CT's axial view.
            size: runs at a time.
            point_lps: the click, LPS mm.
            first: the run to begin with.

        Yields:
            Which runs, and their network input.
        """
        step = self.axial.spacing_zyx[0]
        reach = max(abs(offset) for offset in self.card.offsets_mm)
        rows, columns = in_plane_matrices(
            self.axial.shape_zyx[1:], self.axial.spacing_zyx[1:], self.card.spacing_mm, self.box_yx
        )
        point = None if point_lps is None else self._network_mm(point_lps)
        kept: dict[int, np.ndarray] = {}
        for start in range(first, len(self.runs), size):
            which = slice(start, min(start + size, len(self.runs)))
            places = self.runs[which] * step
            low = max(0, int(np.floor((places[0] - reach) / step)))
            high = min(len(view) - 1, int(np.ceil((places[-1] + reach) / step)))
            kept = {k: kept[k] if k in kept else in_plane(view[k], rows, columns) for k in range(low, high + 1)}
            at = None if point is None else (point[0] - low * step, point[1], point[2])
            yield which, network_input(np.stack(list(kept.values())), places - low * step, step, self.card, at)

    def _network_mm(self, point_lps: Point) -> np.ndarray:
        """LPS to mm from the native slice 0 and the box's first pixel."""
        starts = np.array([0, *self.box_yx.start]) * self.card.spacing_mm
        return self.axial.index(point_lps) * self.axial.spacing_zyx - starts

    def voxel_box(self, map_box: Box, margin_mm: float = 0.0) -> Box:
        """The voxels of the axial view that cover a box of the map.

        Slices after the last run that are too few for another one are covered as well.

        Args:
            map_box: (runs, y, x).
            margin_mm: the box is widened by so much, and clipped to the scan.
        """
        spacing, pixel, part = np.array(self.axial.spacing_zyx), self.card.spacing_mm, self.part(map_box)
        last = int(part.runs[-1])
        # else the end of 120 slices of 0.5 mm counts as cut off, and a click there gives 0.72 ml of a lesion's 2.93
        if last + self.every >= self.axial.shape_zyx[0]:
            last = self.axial.shape_zyx[0] - 1
        step = np.array([spacing[0], pixel, pixel])  # runs are native slices, pixels are network pixels
        first_mm = np.array([part.runs[0], *part.box_yx.start]) * step - margin_mm
        last_mm = np.array([last, *np.subtract(part.box_yx.stop, 1)]) * step + margin_mm
        end = np.array(self.axial.shape_zyx) - 1
        low = np.clip(np.floor(first_mm / spacing), 0, end).astype(int)
        high = np.clip(np.ceil(last_mm / spacing), low, end).astype(int)
        return Box(low, high + 1)

    def to_voxels(self, values: np.ndarray, box: Box) -> np.ndarray:
        """The map interpolated to voxels of the axial view.

        Slices after the last run are as it is, as far as the next run would be.

        Args:
            values: the map (runs, y, x), uint8 or float32.
            box: of the axial view.

        Returns:
            Of the box's shape and of the type of ``values``.
        """
        spacing, pixel = self.axial.spacing_zyx, self.card.spacing_mm
        steps = (self.every * spacing[0], pixel, pixel)
        starts_mm = (float(self.runs[0]) * spacing[0], *(start * pixel for start in self.box_yx.start))
        along_z, rows, columns = (
            resampling_matrix(n_in, step_in, n_out, step_out, first * step_out - start_mm)
            for n_in, step_in, n_out, step_out, first, start_mm in zip(
                values.shape, steps, box.shape, spacing, box.start, starts_mm, strict=True
            )
        )
        out = np.empty(box.shape, values.dtype)
        shown: dict[int, np.ndarray] = {}
        for k in range(len(out)):
            row = slice(*along_z.indptr[k : k + 2])  # along_z[k] takes 0.3 ms
            needed, weights = along_z.indices[row], along_z.data[row]
            shown = {
                i: shown[i] if i in shown else (columns @ (rows @ values[i].astype(np.float32)).T).T for i in needed
            }
            mixed = sum(
                (w * shown[i] for i, w in zip(needed, weights, strict=True)),
                np.zeros(out.shape[1:], np.float32),
            )
            out[k] = np.rint(mixed) if values.dtype == np.uint8 else mixed
        return out


def plan_box(axial: Geometry, card: NetworkCard, box: Box, margin_px: int) -> Plan:
    """The slices of a box of voxels, with context in plane.

    Where the slice step is below 1 mm only every k-th slice is run, k = floor(1 mm / step). The in-plane box is clipped
    to the scan: beyond it there is only air, which the network sees as its own padding.

    Args:
        axial: grid of the CT's axial view.
        box: voxels of that view.
        margin_px: network pixels of context.
    """
    step, pixel = axial.spacing_zyx[0], card.spacing_mm
    every = max(1, int(1.0 / step + 1e-6))
    runs = np.arange(box.start[0] // every * every, box.stop[0], every)
    whole = network_shape(axial.shape_zyx[1:], axial.spacing_zyx[1:], pixel)
    mm = np.array(axial.spacing_zyx[1:])
    low = np.maximum(0, (np.array(box.start[1:]) * mm / pixel).astype(int) - margin_px) // BOX_MULTIPLE * BOX_MULTIPLE
    high = np.minimum(whole, np.ceil(np.array(box.stop[1:]) * mm / pixel).astype(int) + margin_px)
    return Plan(axial, card, runs, Box(low, -(-high // BOX_MULTIPLE) * BOX_MULTIPLE))


def plan_around(axial: Geometry, card: NetworkCard, point_lps: Point, side_mm: float) -> Plan:
    """A cube around a point, without further context: what the training's crops look like.

    Args:
        axial: grid of the CT's axial view.
        point_lps: LPS mm.
        side_mm: the cube's side, about.
    """
    step, pixel = axial.spacing_zyx[0], card.spacing_mm
    index = axial.index(point_lps)
    every = max(1, int(1.0 / step + 1e-6))
    reach = side_mm / 2 / step
    low = int(np.clip(np.ceil(index[0] - reach), 0, axial.shape_zyx[0] - 1)) // every * every
    high = int(np.clip(np.floor(index[0] + reach), low, axial.shape_zyx[0] - 1))
    pixels = -(-int(side_mm / pixel) // BOX_MULTIPLE) * BOX_MULTIPLE
    starts = [round(i * mm / pixel) - pixels // 2 for i, mm in zip(index[1:], axial.spacing_zyx[1:], strict=True)]
    return Plan(axial, card, np.arange(low, high + 1, every), Box(starts, np.add(starts, pixels)))

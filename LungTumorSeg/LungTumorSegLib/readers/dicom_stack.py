"""DICOM slices -> one volume: sorted along the normal, rescaled to HU, on a straight and even grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..checks import as_hu
from ..errors import GeometryError, UnreadableError
from ..geometry import Geometry, triple
from . import dicom_blank, dicom_mixed, dicom_pixels, dicom_rescale
from .dicom_headers import Slice
from .dicom_rescale import PADDING_HU
from .problems import check_memory

# A slice may lie this share of a step beside its place in an even grid: positions are written with one decimal by some
# scanners, 0.05 mm of a 0.625 mm step
POSITION_TOLERANCE = 0.1
# mm that slices may be shifted sideways over the whole stack before it counts as a tilt: again rounding, about a voxel
DRIFT_TOLERANCE_MM = 1.0
# A single step that exceeds its neighbours by this factor is a gap
GAP = 1.5
LONGEST_GAP = 2  # steps in a row
MAX_STEP_MM = 10.0


class BrokenPixelsError(UnreadableError):
    """Pixels of a series can't be read.

    Args:
        slices: all whose pixels can't be read.
    """

    def __init__(self, message: str, slices: list[Slice]) -> None:
        super().__init__(message)
        self.slices = slices


@dataclass(frozen=True)
class Stack:
    """Slices in order.

    Attributes:
        along_mm: their positions along the normal, from the first.
        sideways_mm: (n, 2), how far each is shifted along rows and columns against the first.
        axes: row, column and normal, LPS.
    """

    slices: tuple[Slice, ...]
    along_mm: np.ndarray
    sideways_mm: np.ndarray
    axes: np.ndarray


def sort(slices: list[Slice], name: str) -> Stack:
    """Order slices by their position along the normal (never by name or instance number).

    Args:
        name: of the series, for the error.

    Raises:
        GeometryError: no usable orientation or pixel size.
    """
    first = slices[0]
    row, column = np.reshape(first.orientation, (2, 3))
    if not (abs(np.linalg.norm([row, column], axis=1) - 1).max() < 0.01 and abs(row @ column) < 1e-3):
        raise GeometryError(f"{name} has no usable orientation (ImageOrientationPatient). Export it again.")
    if not (np.isfinite(first.pixel_spacing).all() and min(first.pixel_spacing) > 0):
        shown = " x ".join(f"{s:g}" for s in first.pixel_spacing)
        raise GeometryError(f"The pixel size in {name} is {shown} mm, which can't be. Export it again.")
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    axes = np.stack([row, column, np.cross(row, column)])
    places = np.array([s.position_lps for s in slices]) @ axes.T
    order = np.argsort(places[:, 2], kind="stable")
    places = places[order] - places[order[0]]
    return Stack(tuple(slices[i] for i in order), places[:, 2], places[:, :2], axes)


def build(slices: list[Slice], name: str, allow_gaps: bool = False) -> tuple[np.ndarray, Geometry, list[str]]:
    """Make one volume of slices.

    Copies of a slice are left out. Uneven steps are interpolated to the smallest one, a gantry tilt is straightened by
    linear interpolation within the slices' planes; both are told in a warning.

    Args:
        name: of the series, for warnings and errors.
        allow_gaps: missing slices are air and told in a warning, else an error.

    Returns:
        Voxels (z, y, x) in HU (in the type of `as_hu`), their geometry, warnings for the user.

    Raises:
        GeometryError: a missing slice, two different slices at one position, slices of several acquisitions in turn,
            slices shifted against each other, fewer than 3, no usable orientation or pixel size.
        BrokenPixelsError: the pixels of some slices can't be read.
        UnreadableError: the rescales can't be right, see `dicom_rescale`.
    """
    slices, rescale = dicom_rescale.for_all(slices, name)
    stack = sort(slices, name)
    stack, voxels, warnings = _without_copies(stack, name)
    if len(stack.slices) < 3:
        raise GeometryError(f"{name} has only {len(stack.slices)} slice(s). Give a volume of at least 3 slices.")
    step, even = _step(stack, name, allow_gaps)
    tilt = _tilt_degrees(stack, name)
    warnings += rescale
    voxels = _voxels(stack, name) if voxels is None else voxels
    dicom_rescale.check(stack.slices, voxels, name)
    warnings += dicom_rescale.check_sign(stack.slices, voxels, name)
    dicom_mixed.check(voxels, name)
    if not even:
        voxels = _resample_steps(voxels, stack.along_mm, step)
        warnings += _unevenness(np.diff(stack.along_mm), name, step)
    first = stack.slices[0]
    geometry = Geometry(
        triple(voxels.shape),
        (first.pixel_spacing[1], first.pixel_spacing[0], step),
        triple(first.position_lps),
        tuple(stack.axes.T.ravel().tolist()),
    )
    if tilt:
        voxels, geometry = _straighten(voxels, geometry, stack)
        warnings.append(f"The gantry was tilted by {tilt:.1f} degrees; the slices were shifted onto a straight grid.")
    return voxels, geometry, warnings


def positions_differ(along_mm: np.ndarray) -> np.ndarray:
    """For each slice but the first, whether it lies elsewhere than the one before (0.01 mm).

    Args:
        along_mm: positions in order.
    """
    return np.diff(along_mm) > 0.01


def _without_copies(stack: Stack, name: str) -> tuple[Stack, np.ndarray | None, list[str]]:
    """Leave out slices that are there twice; of two at one position the voxels decide whether they are copies.

    The voxels of the rest too, if they were needed.
    """
    moved = positions_differ(stack.along_mm)
    if moved.all():
        return stack, None, []
    voxels, kept = _voxels(stack, name), [0]
    for i, elsewhere in enumerate(moved, start=1):
        if elsewhere:
            kept.append(i)
        elif not np.array_equal(voxels[i], voxels[kept[-1]]):
            raise GeometryError(
                f"{name} has two different slices at one position (several phases or reconstructions in one series?). "
                "Export the one to be read as a series of its own."
            )
    note = f"{len(voxels) - len(kept)} slice(s) of {name} were there twice and are used once."
    smaller = Stack(tuple(stack.slices[i] for i in kept), stack.along_mm[kept], stack.sideways_mm[kept], stack.axes)
    return smaller, voxels[kept], [note]


def _unevenness(steps: np.ndarray, name: str, step: float) -> list[str]:
    is_gap = gaps(steps)
    rest = steps[~is_gap]
    notes = []
    if is_gap.any():
        missing = float((steps[is_gap] - np.median(steps)).sum())
        notes.append(f"{missing:.0f} mm are missing inside of {name}; they were filled with air.")
    if np.ptp(rest) > POSITION_TOLERANCE * step:
        notes.append(
            f"The slices of {name} are unevenly spaced ({rest.min():.2f} to {rest.max():.2f} mm); "
            f"they were interpolated to {step:.2f} mm."
        )
    return notes


def gaps(steps_mm: np.ndarray) -> np.ndarray:
    """Which steps are gaps: one or two much wider than the others. More in a row are another spacing.

    Args:
        steps_mm: (n), from slice to slice.

    Returns:
        bool (n).
    """
    wide = steps_mm > GAP * np.median(steps_mm)
    runs, n = ndimage.label(wide)
    lengths = np.bincount(runs, minlength=n + 1)
    return wide & (lengths[runs] <= LONGEST_GAP)


def _step(stack: Stack, name: str, allow_gaps: bool) -> tuple[float, bool]:
    """The step of the grid in mm, and whether the slices already lie on it."""
    along, steps = stack.along_mm, np.diff(stack.along_mm)
    step = float(along[-1] / len(steps))
    if np.abs(along - step * np.arange(len(along))).max() <= POSITION_TOLERANCE * step:
        return round(step, 6), True
    is_gap, typical = gaps(steps), float(np.median(steps))
    if is_gap.any() and not allow_gaps:
        at = int(np.argmax(is_gap))
        missing = max(1, round(float(steps[at]) / typical) - 1)
        raise GeometryError(
            f"{name} has a gap of {steps[at]:.1f} mm after slice {at + 1} (slices are {typical:.2f} mm apart): "
            f"about {missing} slice(s) are missing. Copy or export the whole series again, or allow it "
            "(--allow-partial) to look at the rest."
        )
    smallest, widest = float(steps.min()), float(steps[~is_gap].max())
    if widest > min(MAX_STEP_MM, 4 * smallest):
        raise GeometryError(
            f"The slices of {name} are too unevenly spaced to be read ({smallest:.2f} to {widest:.2f} mm). "
            "Export an evenly spaced reconstruction."
        )
    return round(smallest, 6), False


def _tilt_degrees(stack: Stack, name: str) -> float:
    """0 for a straight stack."""
    drift = stack.sideways_mm[-1]
    expected = np.outer(stack.along_mm / stack.along_mm[-1], drift)
    if np.linalg.norm(stack.sideways_mm - expected, axis=1).max() > DRIFT_TOLERANCE_MM:
        raise GeometryError(
            f"The slices of {name} are shifted sideways against each other and make no straight stack. "
            "Export the series again, or load it in 3D Slicer, resample it to a straight volume and save that."
        )
    if np.linalg.norm(drift) <= DRIFT_TOLERANCE_MM:
        return 0.0
    return float(np.degrees(np.arctan2(np.linalg.norm(drift), stack.along_mm[-1])))


def _voxels(stack: Stack, name: str) -> np.ndarray:
    """The slices in HU, in the type of `as_hu`."""
    first = stack.slices[0]
    check_memory(name, 2 * len(stack.slices) * first.rows * first.columns)
    voxels = np.empty((len(stack.slices), first.rows, first.columns), np.int16)
    broken, error = [], None
    for i, pixels in dicom_pixels.stored(stack.slices):
        s = stack.slices[i]
        if isinstance(pixels, UnreadableError):
            if s.frame is not None:
                raise pixels
            broken.append(s)
            error = error or pixels
            continue
        plane = as_hu(_hu(pixels, s)[np.newaxis])[0]  # at once, not row by row
        if plane.dtype != voxels.dtype and voxels.dtype == np.int16:
            voxels = voxels.astype(np.float32)
        voxels[i] = plane
    if not broken and (blank := dicom_blank.find(voxels)):
        broken = [stack.slices[i] for i in blank]
        error = dicom_blank.error(broken)
    if error:
        raise BrokenPixelsError(str(error), broken) from error
    return voxels


def planes_hu(slices: Sequence[Slice]) -> list[np.ndarray]:
    """Single slices in HU.

    Returns:
        Each (y, x); those that can't be read are left out.
    """
    found = {i: pixels for i, pixels in dicom_pixels.stored(slices) if not isinstance(pixels, UnreadableError)}
    return [_hu(found[i], slices[i]) for i in sorted(found)]


def _hu(stored: np.ndarray, s: Slice) -> np.ndarray:
    """Rescaled; what the scanner padded is air. A padding can be written with the wrong sign: it is taken as stored."""
    hu = stored * s.slope + s.intercept
    if s.padding is not None and stored.dtype.kind in "iu":
        low, high = np.sort(np.array(s.padding, np.int64).astype(stored.dtype))
        hu[(stored >= low) & (stored <= high)] = PADDING_HU
    return hu


def _resample_steps(voxels: np.ndarray, along_mm: np.ndarray, step: float) -> np.ndarray:
    """Linear interpolation between the neighbouring slices, at every ``step`` mm from the first; air in gaps."""
    wanted = np.arange(int(along_mm[-1] / step + 1e-6) + 1) * step
    upper = np.clip(np.searchsorted(along_mm, wanted, side="left"), 1, len(along_mm) - 1)
    share = (wanted - along_mm[upper - 1]) / (along_mm[upper] - along_mm[upper - 1])
    apart = np.abs(np.subtract.outer(wanted, along_mm)).min(1)
    in_gap = gaps(np.diff(along_mm))[upper - 1] & (apart > step / 2)
    result = np.empty((len(wanted), *voxels.shape[1:]), voxels.dtype)
    for i, (k, w) in enumerate(zip(upper, share.astype(np.float32), strict=True)):
        mixed = voxels[k - 1] * (1 - w) + voxels[k] * w
        result[i] = PADDING_HU if in_gap[i] else np.round(mixed) if voxels.dtype.kind == "i" else mixed
    return result


def _straighten(voxels: np.ndarray, geometry: Geometry, stack: Stack) -> tuple[np.ndarray, Geometry]:
    """From the sheared grid of a tilted gantry to the straight one with the same planes, wide enough for all slices."""
    drift = stack.sideways_mm[-1] * ((voxels.shape[0] - 1) * geometry.spacing_xyz[2] / stack.along_mm[-1])
    axes = stack.axes
    skew = drift @ axes[:2] / (voxels.shape[0] - 1) + axes[2] * geometry.spacing_xyz[2]
    image = sitk.GetImageFromArray(voxels)
    image.SetOrigin(geometry.origin_lps)
    image.SetSpacing((*geometry.spacing_xyz[:2], float(np.linalg.norm(skew))))
    image.SetDirection(np.stack([axes[0], axes[1], skew / np.linalg.norm(skew)], axis=1).ravel().tolist())
    spacing = np.asarray(geometry.spacing_xyz[:2])
    extra = np.ceil(np.abs(drift) / spacing - 1e-6).astype(int)
    start = np.where(drift < 0, -extra * spacing, 0)
    origin = np.asarray(geometry.origin_lps) + start @ axes[:2]
    size = (voxels.shape[2] + int(extra[0]), voxels.shape[1] + int(extra[1]), voxels.shape[0])
    straight = sitk.Resample(
        image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        origin.tolist(),
        geometry.spacing_xyz,
        geometry.direction,
        PADDING_HU,
    )
    return sitk.GetArrayFromImage(straight), Geometry(
        tuple(reversed(size)), geometry.spacing_xyz, tuple(origin.tolist()), geometry.direction
    )

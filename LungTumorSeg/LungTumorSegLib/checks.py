"""Whether a volume is a CT in Hounsfield units on a grid that can be worked on."""

from dataclasses import replace
from itertools import product

import numpy as np

from .data import CT
from .errors import GeometryError, NotACTError
from .geometry import Geometry, nearest_rotation

MIN_SLICES = 3
RIGHT_ANGLE = 1e-3  # cosine: what rounding does
MAX_SKEW_DEGREES = 0.5  # of axes that a conversion left askew; a tilted gantry is more
MIN_SIDE_MM = 16.0
# finer than any clinical CT (0.2 mm) and coarser than any (8 mm slices among the CTs tried), with room
SPACING_MM = (0.1, 10.0)
# Air and lung. Below: paddings of -2000 and -3024 outside the field of view, which are no air
AIR_HU = (-1200, -500)
# Measured: 38 to 65 % of the voxels in 16 whole chest CTs (1 to 8 mm slices), and at least 2.8 % in 6,400 cubes of
# 16 mm cut out of their lungs
MIN_AIR_SHARE = 0.01
# A CT stored without its rescale, as scanners store it
OFFSET = 1024
# Of a CT's voxels above air, 70 to 91 % lie within 150 HU of water (same 16 CTs)
MIN_SOFT_SHARE = 0.5
# Inverted, air and lung are bright. Of a whole chest CT at most 2 % is bone, metal or contrast in that range
MIN_INVERTED_SHARE, INVERTED_TO_AIR = 0.25, 5
# A large piece may have little lung, and never so much bone. Of 120 pieces of 20 chest CTs (whole, 200 mm around the
# middle, the lowest quarter, 105 mm around spine and breastbone) none had more of that than of air
MIN_INVERTED_SHARE_OF_LARGE, LARGE_INVERTED_TO_AIR = 0.10, 3
# Inverted after a window (-1000 to 400 HU), tissue passes for air. Of what is above air 4 to 9 % is then near water, of
# 20 whole chest CTs at least 72 %; a cube of 16 mm may have 2 %
MIN_WHOLE_MM, MIN_WHOLE_SOFT_SHARE = 100.0, 0.25
# and what is as dark as air and lung was bone: 2 to 5 %, of the same CTs as they are 33 to 58 %
DARK_HU, MAX_INVERTED_DARK_SHARE = -800, 0.15


def as_hu(array: np.ndarray) -> np.ndarray:
    """Values as int16 where it holds every one exactly, else as float32; none is clipped.

    Args:
        array: of any real type.

    Returns:
        Not copied where it has that type already. What float32 cannot hold becomes infinite, which `check` refuses.
    """
    if array.dtype == np.int16:
        return array
    if all(_fits_int16(plane) for plane in array):
        return array.astype(np.int16)
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def _fits_int16(values: np.ndarray) -> bool:
    limits = np.iinfo(np.int16)
    in_range = limits.min <= values.min() and values.max() <= limits.max  # not so where there is a NaN
    return bool(in_range and (values.dtype.kind != "f" or (values == np.trunc(values)).all()))


def check(ct: CT) -> None:
    """Refuse what is no CT volume in Hounsfield units of at least 16 mm a side.

    A CT is told by its air: at least 1 % of the voxels between -1200 and -500 HU. Paddings, metal, contrast, windowed
    values (from -1000) and crops without air outside the body pass; MR, pictures, masks, PET, normalised values and CTs
    stored without their rescale do not. Whether it shows lungs is not asked here.

    Raises:
        GeometryError: not one 3D volume, or no usable spacing, place or directions, or too few slices, or too thin.
        NotACTError: the values, or the modality, are not a CT's.
    """
    _check_geometry(ct)
    _check_values(ct)


def _check_geometry(ct: CT) -> None:
    geometry, name = ct.geometry, ct.name
    if ct.voxels_zyx.ndim != 3 or ct.voxels_zyx.shape != geometry.shape_zyx:
        raise GeometryError(f"{name} isn't a single 3D volume. Give one grey CT volume.")
    spacing = geometry.spacing_xyz
    if not (np.isfinite(spacing).all() and np.isfinite(geometry.origin_lps).all()):
        raise GeometryError(f"{name} has no usable position in space. Export it again from the original.")
    if not all(SPACING_MM[0] <= s <= SPACING_MM[1] for s in spacing):
        shown = " x ".join(f"{s:.3g}" for s in spacing)
        raise GeometryError(
            f"The voxels of {name} measure {shown} mm; a CT's lie between {SPACING_MM[0]:g} and {SPACING_MM[1]:g} mm. "
            "Check the file's units or export it again."
        )
    check_orthogonal(name, geometry.affine[:3, :3])
    if min(geometry.shape_zyx) < MIN_SLICES:
        raise GeometryError(
            f"{name} has only {min(geometry.shape_zyx)} slice(s). Give a volume of at least {MIN_SLICES} slices."
        )
    sides = [n * s for n, s in zip(geometry.shape_zyx, geometry.spacing_zyx, strict=True)]
    if min(sides) < MIN_SIDE_MM:
        raise GeometryError(
            f"{name} is only {min(sides):.0f} mm thick in one direction. At least {MIN_SIDE_MM:g} mm are needed."
        )


def _check_values(ct: CT) -> None:
    voxels, name = ct.voxels_zyx, ct.name
    modality = ct.source.get("modality") or "CT"
    if modality != "CT":
        raise NotACTError(f"{name} is labelled as {modality}, not as CT. Give a chest CT.")
    low, high = voxels.min(), voxels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise NotACTError(f"{name} holds voxels without a number (NaN or infinite). Export it again from the original.")
    if low == high:
        raise NotACTError(f"All voxels of {name} have the same value ({low:g}). Give a chest CT.")
    if voxels.dtype.itemsize == 1 or str(ct.source.get("pixel_type", "")).startswith("8-bit"):
        raise NotACTError(
            f"{name} holds 8-bit values ({low:g} to {high:g}): a picture or a mask, not Hounsfield units. "
            "Give the original CT."
        )
    # slice by slice: masks of a whole large CT would take several hundred MB. Two counts: a mask of both took 69 ms of
    # CPU for 300 slices, the two take 18
    air = sum(np.count_nonzero(plane >= AIR_HU[0]) - np.count_nonzero(plane >= AIR_HU[1]) for plane in voxels)
    if air >= MIN_AIR_SHARE * voxels.size:
        _check_not_inverted(ct, air / voxels.size)
        return
    if low >= 0 and soft_share(voxels, OFFSET) >= MIN_SOFT_SHARE:
        offset = _offset(voxels, low)
        raise NotACTError(
            f"{name} looks like a CT whose values are about {offset} too high (they run from {low:g} to {high:g}): the "
            f"rescale of the DICOM files was lost. Export it again, or add {-offset} (--add-hu {-offset}) where air is "
            "then about -1000 and fat about -100."
        )
    raise NotACTError(
        f"{name} isn't a CT in Hounsfield units: its values run from {low:g} to {high:g} with no air or lung "
        f"(about -1000 to -850 HU) among them. Give a chest CT, not MR, PET, a picture or a mask."
    )


def _check_not_inverted(ct: CT, air_share: float) -> None:
    voxels, name = ct.voxels_zyx, ct.name
    # gathered once: steps through the whole array made each of the questions below take 4 ms in 100 slices
    some = np.ascontiguousarray(voxels[:, ::4, ::4]) if min(voxels.shape[1:]) > 100 else voxels
    bright = _share((some > -AIR_HU[1]) & (some <= -AIR_HU[0]))
    sides_mm = [n * s for n, s in zip(ct.geometry.shape_zyx, ct.geometry.spacing_zyx, strict=True)]
    large = min(sides_mm) >= MIN_WHOLE_MM
    least, times = (
        (MIN_INVERTED_SHARE_OF_LARGE, LARGE_INVERTED_TO_AIR) if large else (MIN_INVERTED_SHARE, INVERTED_TO_AIR)
    )
    if bright >= least and bright > times * air_share:
        raise NotACTError(
            f"{name} isn't a CT in Hounsfield units: {bright:.0%} of its voxels lie between {-AIR_HU[1]} and "
            f"{-AIR_HU[0]}, where a CT has bone and metal only. Its values are inverted, or about 1000 too high. "
            "Export it again from the original."
        )
    dense = _share(some >= AIR_HU[1])
    if not large or dense < MIN_INVERTED_SHARE or _share(some < DARK_HU) > MAX_INVERTED_DARK_SHARE:
        return
    if (soft := soft_share(some)) < MIN_WHOLE_SOFT_SHARE:
        raise NotACTError(
            f"{name} isn't a CT in Hounsfield units: of what is denser than lung only {soft:.0%} lies within 150 HU of "
            "water. Its values are inverted or shifted. Export it again from the original."
        )


def _share(are: np.ndarray) -> float:
    """Of a mask's voxels those that are set; `np.mean` of a mask takes ten times as long."""
    return np.count_nonzero(are) / are.size


def soft_share(hu: np.ndarray, offset: int = 0) -> float:
    """Of the voxels above air and lung, those within 150 HU of water.

    Args:
        hu: HU, of any shape.
        offset: by how much they are too high.

    Returns:
        The share, 0 if there are no such voxels.
    """
    tissue = hu[hu >= AIR_HU[1] + offset]
    return float(np.mean(np.abs(tissue - np.float32(offset)) < 150)) if tissue.size else 0.0


def _offset(voxels: np.ndarray, low: float) -> int:
    """By how much a CT without its rescale is too high, from its air (-1000 HU): mostly 1024 or 1000.

    The lowest value itself does not count where there is air above it: it is what lies outside the scanner's circle,
    or what was cut off at 0.
    """
    counts = np.zeros(101, int)
    for plane in voxels:
        near = plane[(plane >= low) & (plane <= low + 100)]
        counts += np.bincount(np.rint(near - low).astype(int), minlength=101)
    above = counts[1:]
    air = low + (1 + int(above.argmax()) if above.sum() > 0.01 * voxels.size else 0)
    offset = round(float(air) + 1000)
    return next((usual for usual in (OFFSET, 1000) if abs(offset - usual) <= 12), offset)


def check_orthogonal(name: str, axes: np.ndarray) -> None:
    """Refuse axes that are not at right angles to 0.001 (0.06 degrees, 0.3 mm in 300).

    Args:
        name: of the image, for the error.
        axes: 3x3, the columns are the axes, of any length.

    Raises:
        GeometryError: they are not, or are no usable columns.
    """
    if skew(name, axes) > RIGHT_ANGLE:
        raise GeometryError(
            f"The axes of {name} aren't at right angles (a scan with a tilted gantry?). Give the DICOM series, or in "
            "3D Slicer resample the volume onto a straight grid (Resample Scalar/Vector/DWI Volume) and save that."
        )


def skew(name: str, axes: np.ndarray) -> float:
    """The cosine between the two columns that are furthest from a right angle.

    Args:
        name: of the image, for the error.
        axes: 3x3, columns of any length.

    Raises:
        GeometryError: no usable columns.
    """
    lengths = np.linalg.norm(axes, axis=0)
    if not (np.isfinite(axes).all() and (lengths > 0).all()):
        raise GeometryError(f"{name} has no usable orientation. Export it again from the original.")
    unit = axes / lengths
    return float(np.abs(unit.T @ unit - np.eye(3)).max())


def straightened(name: str, geometry: Geometry) -> tuple[Geometry, list[str]]:
    """Bring axes that are askew by 0.06 to 0.5 degrees to right angles; beyond that the grid stays as it is.

    Args:
        name: of the image, for the note and the error.

    Returns:
        The grid, and a note if it was changed.

    Raises:
        GeometryError: no usable axes.
    """
    off = skew(name, geometry.affine[:3, :3])
    if not RIGHT_ANGLE < off <= np.sin(np.radians(MAX_SKEW_DEGREES)):
        return geometry, []
    directions = nearest_rotation(np.reshape(geometry.direction, (3, 3)))
    straight = replace(geometry, direction=tuple(directions.ravel().tolist()))
    corners = [g.lps(np.array(list(product(*((0, n - 1) for n in g.shape_zyx))))) for g in (geometry, straight)]
    moved = np.linalg.norm(corners[0] - corners[1], axis=1).max()
    return straight, [
        f"The axes of {name} are {np.degrees(np.arcsin(off)):.2f} degrees off right angles; they were brought to right "
        f"angles, which moves the corners by up to {moved:.1f} mm."
    ]

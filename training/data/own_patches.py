"""Patches of 50 mm cut from a CT with masks: around each tumour, and of lung without one.

They have the form of the pack's: 1 mm voxels, HU = 8 * value - 1024, one reader.
"""

import numpy as np
import SimpleITK as sitk
from LungTumorSegLib.components import components, connected
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.measurement import measure

from .pack import SIDE

BACKGROUND = 4  # patches without a tumour, of each CT
LEAST_MM = 3.0  # of a tumour that gets a patch of its own
SOLID_HU = -300  # middle value; the pack's readers rated texture by eye
SOLID, NOT_SOLID = 5, 1
SEED = 5


def cut(ct: CT, tumour: np.ndarray, known: np.ndarray, lung_points_lps: np.ndarray) -> list[dict]:
    """Cut patches from a CT: one around each tumour of 3 mm and more, and up to four of lung without one.

    A tumour that is larger than its patch is marked as ``cut``: it is never inserted elsewhere.

    Args:
        ct: On its stored grid.
        tumour: bool, on the CT's stored grid.
        known: bool, on the CT's stored grid; False where nobody knows.
        lung_points_lps: (n, 3) mm, where background may lie.

    Returns:
        A record for each patch. Its arrays ct, readers, lesion and known are (50, 50, 50) uint8; ``row`` is for
            patches.csv.
    """
    labels, _ = connected(tumour)
    made, grid = [], _Grid(ct, labels, known)
    for label, box, _ in components(labels):
        found = measure(labels[box.slices] == label, box, ct)
        if found.long_axis_mm < LEAST_MM:
            continue
        middle = ct.geometry.middle_lps(labels[box.slices] == label, box)
        hu = np.median(ct.voxels_zyx[box.slices][labels[box.slices] == label])
        patch = grid.patch(middle, label)
        whole = np.pad(patch["lesion"][1:-1, 1:-1, 1:-1] == 1, 1)
        if not whole.any():
            continue
        cut_off = bool((patch["lesion"] == 1).sum() > whole.sum())
        row = {"diameter_mm": round(found.long_axis_mm, 2), "texture": SOLID if hu >= SOLID_HU else NOT_SOLID}
        made.append(patch | {"row": patch["row"] | row | {"cut": int(cut_off)}})
    rng = np.random.default_rng(SEED)
    for point in lung_points_lps[rng.permutation(len(lung_points_lps))[: BACKGROUND if len(lung_points_lps) else 0]]:
        patch = grid.patch(point, 0)
        made.append(patch | {"row": patch["row"] | {"diameter_mm": 0, "texture": SOLID, "cut": 0}})
    return made


class _Grid:
    """A CT that patches are resampled from."""

    def __init__(self, ct: CT, labels: np.ndarray, known: np.ndarray):
        self.ct, self.labels = ct, labels
        self.image = self._image(ct.voxels_zyx)
        self.known = self._image(known.astype(np.uint8))
        self.there = self._image(np.ones(known.shape, np.uint8))
        self.marked = self._image(labels.astype(np.int32))

    def _image(self, array: np.ndarray) -> sitk.Image:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.ct.geometry.spacing_xyz)
        image.SetOrigin(self.ct.geometry.origin_lps)
        image.SetDirection(self.ct.geometry.direction)
        return image

    def patch(self, middle_lps, label: int) -> dict:
        """Around a point; the component ``label`` is lesion 1, others are 2, 3, ..."""
        origin = [float(v) - (SIDE - 1) / 2 for v in middle_lps]

        def take(image, how, beyond, kind=sitk.sitkFloat32):
            axes = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
            given = [SIDE] * 3, sitk.Transform(), how, origin, (1.0, 1.0, 1.0), axes, beyond, kind
            return sitk.GetArrayFromImage(sitk.Resample(image, *given))

        hu = take(self.image, sitk.sitkLinear, -1024.0)
        nearest = take(self.marked, sitk.sitkNearestNeighbor, 0, sitk.sitkInt32)
        own = np.zeros(hu.shape, bool)
        if label:
            own = take(sitk.Cast(self.marked == label, sitk.sitkFloat32), sitk.sitkLinear, 0.0) >= 0.5
        others, _ = connected((nearest > 0) & (nearest != label) & ~own)
        lesion = np.where(own, 1, np.where(others > 0, others + 1, 0)).astype(np.uint8)
        known = take(self.known, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        there = Box.around(take(self.there, sitk.sitkLinear, 0.0) > 0.99)
        axial = self.ct.geometry.axial()
        row = {f"origin_{axis}": round(value, 3) for axis, value in zip("xyz", origin, strict=True)}
        pairs = there.pairs if there else [(0, 0)] * 3
        row |= {f"valid_{axis}{end}": int(pair[end]) for axis, pair in zip("zyx", pairs, strict=True) for end in (0, 1)}
        row |= {"n_readers": 1, "merged_cluster": 0, "slice_spacing": axial.spacing_zyx[0]}
        row |= {"pixel_spacing": axial.spacing_zyx[1]}
        ct = np.rint(np.clip((hu + 1024) / 8, 0, 255)).astype(np.uint8)
        return {"ct": ct, "readers": (lesion > 0).astype(np.uint8), "lesion": lesion, "known": known, "row": row}

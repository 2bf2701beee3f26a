"""Chest phantoms made in code: air, body, lungs, vessels, airways, bones, noise and lesions of known size.

The anatomy is fixed in LPS millimetres around (0, 0, 0), x to the patient's left, y to the back, z to the head. The
grid only samples it, so any spacing or field of view shows the same chest. The right lung is larger than the left,
the heart bulges left, the spine is at the back: a mirrored result can't pass for a right one.
"""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Box, Geometry
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian
from scipy.spatial.transform import Rotation

# HU of the tissues
AIR, LUNG, FAT, SOFT, BONE, TABLE = -1000, -850, -90, 40, 450, -150
# centre and semi-axes in mm, LPS; about 1.3 l and 0.85 l
RIGHT_LUNG = (-72.0, 0.0, 0.0), (50.0, 80.0, 78.0)
LEFT_LUNG = (76.0, 5.0, 3.0), (43.0, 70.0, 72.0)
# (centre in LPS mm, diameter in mm, HU): a nodule in the middle of the right lung, away from every axis of symmetry
NODULE = ((-86.0, 12.0, 21.0), 18.0, SOFT)
# every (permutation, flips) that `reorient` takes
ORDERS = tuple(product(permutations(range(3)), product((False, True), repeat=3)))


def chest(
    spacing_xyz=(3.0, 3.0, 3.0), size_mm=(384, 288, 180), lesions=(NODULE,), seed=0, noise=20.0, centre_lps=(0, 0, 0)
) -> tuple[CT, np.ndarray]:
    """A chest CT (int16, axial LPS) and the bool (z, y, x) mask of its lesions.

    spacing_xyz: mm. size_mm: field of view in (x, y, z), around ``centre_lps``. lesions: spheres as
    ((x, y, z) LPS mm, diameter in mm, HU); a voxel is in the mask when half of it or more is inside one. noise: sd, HU.
    The default is 128 x 96 x 60 voxels. The same arguments give the same voxels.
    """
    spacing = np.asarray(spacing_xyz, float)
    shape = np.maximum(1, np.round(np.asarray(size_mm) / spacing)).astype(int)
    origin = np.asarray(centre_lps, float) - (shape - 1) / 2 * spacing
    geometry = Geometry(
        tuple(int(n) for n in shape[::-1]), tuple(float(s) for s in spacing), tuple(float(o) for o in origin)
    )
    canvas = _Canvas(geometry)
    _paint_anatomy(canvas)
    mask = np.zeros(geometry.shape_zyx, bool)
    for centre, diameter, hu in lesions:
        box, share = _sphere_share(geometry, centre, diameter / 2)
        canvas.mix(box.slices, share, hu)
        mask[box.slices] |= share >= 0.5
    voxels = canvas.hu
    if noise:
        voxels += np.random.default_rng(seed).standard_normal(voxels.shape, np.float32) * np.float32(noise)
    voxels = np.clip(np.round(voxels), -1024, 3071).astype(np.int16)
    return CT(voxels, geometry, "phantom", {"modality": "CT"}), mask


class _Canvas:
    """HU on a grid, painted with shapes whose borders are antialiased by their distance in mm."""

    def __init__(self, geometry: Geometry):
        self.geometry = geometry
        self.hu = np.full(geometry.shape_zyx, AIR, np.float32)
        axes = [
            np.arange(n, dtype=np.float32) * np.float32(s) + np.float32(o)
            for n, s, o in zip(geometry.shape_zyx[::-1], geometry.spacing_xyz, geometry.origin_lps, strict=True)
        ]
        self.axes = axes
        self.x, self.y, self.z = axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]
        self.blur = float(np.mean(geometry.spacing_xyz[:2]))

    def mix(self, place, share, hu):
        self.hu[place] += share * (np.float32(hu) - self.hu[place])

    def fill(self, distance, hu, place=np.s_[:, :, :]):
        """Paint where the signed distance (mm, negative inside) says."""
        self.mix(place, np.clip(0.5 - distance / self.blur, 0, 1).astype(np.float32), hu)

    def ellipsoid(self, centre, radii):
        """About the signed distance, exact on the axes."""
        r = np.sqrt(
            sum(
                ((v - np.float32(c)) / np.float32(a)) ** 2
                for v, c, a in zip((self.x, self.y, self.z), centre, radii, strict=True)
            )
        )
        return (r - 1) * np.float32(min(radii))

    def ellipse(self, centre, radii):
        """The same in every axial slice: (1, y, x)."""
        r = np.sqrt(sum(((v - c) / a) ** 2 for v, c, a in zip((self.x, self.y), centre, radii, strict=True)))
        return (r - 1) * min(radii)

    def tube(self, start, end, radius, hu):
        low, high = np.minimum(start, end) - radius - self.blur, np.maximum(start, end) + radius + self.blur
        ranges = [np.searchsorted(a, (lo, hi)) for a, lo, hi in zip(self.axes, low, high, strict=True)]
        if any(a >= b for a, b in ranges):
            return
        place = Box.of_pairs(reversed(ranges)).slices
        points = np.stack(np.meshgrid(*(a[s] for a, s in zip(self.axes[::-1], place, strict=True)), indexing="ij"), -1)
        points = points[..., ::-1] - start
        along = np.asarray(end, float) - start
        t = np.clip(points @ along / (along @ along), 0, 1)
        self.fill(np.linalg.norm(points - t[..., None] * along, axis=-1) - radius, hu, place)


def _paint_anatomy(canvas: _Canvas):
    canvas.fill(np.abs(canvas.y - 131) - 5, TABLE)
    canvas.fill(canvas.ellipse((0, 0), (165, 118)), FAT)
    canvas.fill(canvas.ellipse((0, 0), (152, 106)), SOFT)
    # ribs: slanted bands of the chest wall, every 28 mm
    phase = (canvas.z + 0.35 * canvas.y) % 28 - 14
    wall = canvas.ellipse((0, 0), (136, 93))
    canvas.fill(np.maximum(np.abs(wall) - 4, np.abs(phase) - 5), BONE)
    canvas.fill(canvas.ellipsoid(*RIGHT_LUNG), LUNG)
    canvas.fill(canvas.ellipsoid(*LEFT_LUNG), LUNG)
    canvas.fill(canvas.ellipsoid((28, -35, -30), (48, 42, 45)), SOFT)  # heart
    canvas.fill(canvas.ellipse((0, 76), (19, 19)), BONE)
    for (x, y, z), lung in (((-30, 5, 5), RIGHT_LUNG), ((40, 8, 8), LEFT_LUNG)):
        _paint_vessels(canvas, np.array((x, y, z), float), lung, np.random.default_rng(7))
    canvas.tube((0, 10, 25), (0, 0, 400), 8, AIR)
    canvas.tube((0, 10, 25), (-42, 12, 0), 5.5, AIR)
    canvas.tube((0, 10, 25), (46, 14, 4), 5, AIR)


def _paint_vessels(canvas: _Canvas, hilum, lung, rng):
    """A tree of tubes, 6 mm wide at the hilum, 3 mm at the fourth branching, all inside the lung."""
    centre, radii = np.array(lung[0]), np.array(lung[1])
    branches = []
    for sideways in ((0, 0, 0), (0, -1, 0.8), (0, 0.8, -1), (0, 0.9, 0.9)):
        heading = (centre - hilum) / np.linalg.norm(centre - hilum) + np.array(sideways)
        branches.append((hilum, heading / np.linalg.norm(heading), 3.0, 4))
    while branches:
        start, heading, radius, left = branches.pop()
        end = start + heading * rng.uniform(18, 26)
        if np.linalg.norm((end - centre) / radii) > 0.92:
            continue
        canvas.tube(start, end, radius, SOFT)
        for _ in range(3 if left else 0):
            turn = heading + rng.normal(0, 0.55, 3)
            branches.append((end, turn / np.linalg.norm(turn), radius * 0.84, left - 1))


def _sphere_share(geometry: Geometry, centre, radius):
    """The box around a sphere and the share of each voxel inside it, from 5 x 5 x 5 points a voxel."""
    reach = radius / np.asarray(geometry.spacing_zyx)
    middle = geometry.index(centre)
    low, high = np.floor(middle - reach).astype(int), np.ceil(middle + reach).astype(int) + 1
    box = Box(low, high).intersect(Box.whole(geometry.shape_zyx))
    fine = (np.arange(5) - 2) / 5
    squares = [
        ((np.arange(*ends)[:, None] + fine - m) * s) ** 2
        for ends, m, s in zip(box.pairs, middle, geometry.spacing_zyx, strict=True)
    ]
    z, y, x = squares
    inside = (
        z[:, None, None, :, None, None] + y[None, :, None, None, :, None] + x[None, None, :, None, None, :] <= radius**2
    )
    return box, inside.mean((3, 4, 5), dtype=np.float32)


def to_sitk(array_zyx: np.ndarray, geometry: Geometry) -> sitk.Image:
    image = sitk.GetImageFromArray(array_zyx)
    image.SetSpacing(geometry.spacing_xyz)
    image.SetOrigin(geometry.origin_lps)
    image.SetDirection(geometry.direction)
    return image


def reorient(ct: CT, permutation, flips) -> CT:
    """The same chest at the same place, stored in another axis order: one of `ORDERS`.

    As in AxialOrder: the array is transposed by ``permutation`` (of z, y, x), then axis a is reversed where
    ``flips[a]``. SimpleITK does it, so that it is no copy of what geometry.py does. For a mask that goes with the CT:
    ``AxialOrder(permutation, flips).view(mask)``.
    """
    order_xyz = [2 - p for p in reversed(permutation)]
    image = sitk.PermuteAxes(to_sitk(ct.voxels_zyx, ct.geometry), order_xyz)
    image = sitk.Flip(image, [bool(f) for f in reversed(flips)], False)
    return replace(
        ct,
        voxels_zyx=sitk.GetArrayFromImage(image),
        geometry=Geometry(
            tuple(reversed(image.GetSize())), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        ),
    )


def oblique(ct: CT, degrees: float, axis=(1.0, 2.0, 3.0)) -> CT:
    """The same voxels on a grid that is turned around the volume's centre."""
    turn = Rotation.from_rotvec(np.radians(degrees) * np.asarray(axis) / np.linalg.norm(axis)).as_matrix()
    middle = ct.geometry.lps((np.asarray(ct.geometry.shape_zyx) - 1) / 2)
    origin = turn @ (np.asarray(ct.geometry.origin_lps) - middle) + middle
    direction = turn @ np.reshape(ct.geometry.direction, (3, 3))
    geometry = replace(ct.geometry, origin_lps=tuple(origin.tolist()), direction=tuple(direction.ravel().tolist()))
    return replace(ct, geometry=geometry)


def write_image(ct: CT, path):
    """NRRD, NIfTI or MetaImage, by the path's suffix."""
    sitk.WriteImage(to_sitk(ct.voxels_zyx, ct.geometry), str(path), useCompression=True)
    return path


def tilted(ct: CT, degrees: float) -> CT:
    """The same chest as a scanner with a tilted gantry stores it: slices turned about x, stacked along z.

    Its geometry is sheared, which only DICOM (`write_dicom`) and the tests of refusals can hold.
    """
    angle = np.radians(degrees)
    affine = ct.geometry.affine.copy()
    affine[:3, 1] = np.array((0, np.cos(angle), np.sin(angle))) * ct.geometry.spacing_xyz[1]
    geometry = Geometry.from_affine(ct.geometry.shape_zyx, affine)
    grid = to_sitk(np.empty(geometry.shape_zyx, np.int16), geometry)
    image = sitk.Resample(to_sitk(ct.voxels_zyx, ct.geometry), grid, sitk.Transform(), sitk.sitkLinear, -1024)
    return replace(ct, voxels_zyx=sitk.GetArrayFromImage(image), geometry=geometry)


def write_dicom(
    ct: CT,
    folder,
    slices=None,
    series="1.2.826.0.1.3680043.8.498.1",
    rescale=((1, -1024),),
    prefix="",
    suffix=".dcm",
    seed=0,
    compressed=False,
    **tags,
) -> list[Path]:
    """A DICOM series, one file for each index in ``slices`` (all; leave some out, name some twice) along array axis 0.

    File names and instance numbers are shuffled: only the positions tell the order. rescale: (slope, intercept), used
    in turn. compressed: lossless JPEG. tags: further attributes of every file, by keyword; None deletes one. Returns
    the paths in the order of ``slices``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    slices = range(ct.geometry.shape_zyx[0]) if slices is None else slices
    numbers = np.random.default_rng(seed).permutation(len(slices))
    paths = []
    for n, (k, number) in enumerate(zip(slices, numbers, strict=True)):
        slope, intercept = rescale[n % len(rescale)]
        dataset = _dataset(ct, CTImageStorage, series, f"{series}.{n + 1}")
        dataset.InstanceNumber = int(number) + 1
        dataset.ImagePositionPatient = _decimals(ct.geometry.lps((k, 0, 0)))
        dataset.ImageOrientationPatient = _decimals(np.reshape(ct.geometry.direction, (3, 3)).T[:2].ravel())
        dataset.PixelSpacing = _decimals(ct.geometry.spacing_xyz[1::-1])
        dataset.SliceThickness = _decimals([ct.geometry.spacing_xyz[2]])[0]
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        stored = np.round((ct.voxels_zyx[k].astype(float) - intercept) / slope).astype(np.int16)
        dataset.PixelData = stored.tobytes()
        if compressed:
            _compress(dataset, stored, folder)
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
            if value is None:
                delattr(dataset, keyword)
        paths.append(folder / f"{prefix}{number:04d}{suffix}")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_enhanced_dicom(ct: CT, path, order=None, series="1.2.826.0.1.3680043.8.498.2", rescale=(1, -1024)) -> Path:
    """One enhanced multi-frame file; the frames are stored in ``order`` (of the slices; backwards if not given)."""
    order = list(reversed(range(ct.geometry.shape_zyx[0]))) if order is None else order
    slope, intercept = rescale
    dataset = _dataset(ct, EnhancedCTImageStorage, series, f"{series}.1")
    dataset.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PlaneOrientationSequence = _item(
        ImageOrientationPatient=_decimals(np.reshape(ct.geometry.direction, (3, 3)).T[:2].ravel())
    )
    shared.PixelMeasuresSequence = _item(
        PixelSpacing=_decimals(ct.geometry.spacing_xyz[1::-1]), SliceThickness=ct.geometry.spacing_xyz[2]
    )
    shared.PixelValueTransformationSequence = _item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU")
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for k in order:
        frame = Dataset()
        frame.PlanePositionSequence = _item(ImagePositionPatient=_decimals(ct.geometry.lps((k, 0, 0))))
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    stored = np.round((ct.voxels_zyx[list(order)].astype(float) - intercept) / slope).astype(np.int16)
    dataset.PixelData = stored.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return Path(path)


def _dataset(ct: CT, sop_class, series: str, uid: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID = "Phantom", "phantom"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498", series
    dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.0"
    dataset.SeriesNumber, dataset.AcquisitionNumber = 1, 1
    dataset.SeriesDescription = "Thorax 1.0 B30f"
    dataset.Rows, dataset.Columns = ct.geometry.shape_zyx[1:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    return dataset


def _compress(dataset: Dataset, stored: np.ndarray, folder: Path):
    """Lossless JPEG, the commonest compression in archives; pydicom can't write it, SimpleITK can."""
    path = folder / "compressed.tmp"
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressor("JPEG")
    writer.Execute(sitk.GetImageFromArray(stored))
    packed = pydicom.dcmread(path)
    path.unlink()
    dataset.PixelData = packed.PixelData
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID


def _item(**attributes) -> Sequence:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


def _decimals(values) -> list[str]:
    """As DICOM stores numbers: text of at most 16 characters."""
    return [f"{v:.10g}"[:16] for v in np.asarray(values, float)]

"""The source instances as highdicom takes them: their headers, with the geometry in which the CT was read."""

from collections.abc import Iterable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import DSfloat as DS

from ..data import CT
from ..errors import GeometryError
from ..geometry import Geometry
from ..readers.dicom_headers import Slice
from ..readers.dicom_sources import Instance, Sources

UTF_8 = "ISO_IR 192"  # names of patients and lesions in any script

# The reader takes slices for even and straight that are off by so much, since scanners round positions
STEP_TOLERANCE, SIDEWAYS_MM = 0.1, 1.0
DIRECTION_TOLERANCE = 2e-3
_OUT_OF_REACH = 1e6  # mm: where the frames of a file lie that the CT was not made of

# type 2 elements of patient and study, which files may lack though they must not
_TYPE_2 = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
_OF_ALL = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality")


def of(sources: Sources, ct: CT) -> list[Dataset]:
    """One dataset for each instance, the patient and the study in the first; to be written nowhere as they are.

    Their planes are those of the CT's grid where the reader took them for these: highdicom finds the source of each
    frame by its place.

    Raises:
        GeometryError: The CT's grid is not made of the slices' planes.
    """
    check_planes(ct.geometry, [s for instance in sources.instances for s in instance.slices], ct.name)
    first, *others = sources.instances
    whole, part = _complete(sources.header), Dataset()
    for keyword in _OF_ALL:
        if keyword in whole:
            part[keyword] = whole[keyword]
    return [_image(whole, first, ct.geometry), *(_image(part, instance, ct.geometry) for instance in others)]


def check_planes(geometry: Geometry, slices: list[Slice], name: str) -> None:
    """Check that the CT's rows, columns and slices run as those of the files, and hold these whole.

    Slicer may load a tilted series as if it were straight, under a transform: then they lie beside their places.

    Args:
        geometry: The CT's grid.
        slices: Of its files.
        name: The CT's, for the error.

    Raises:
        GeometryError: They do not. A slice may lie at most 1 mm beside the grid.
    """
    axes = np.reshape(geometry.direction, (3, 3)).T
    row, column = np.reshape(slices[0].orientation, (2, 3))
    same = np.allclose(axes, [row, column, np.cross(row, column)], rtol=0, atol=DIRECTION_TOLERANCE)
    same = same and np.allclose(geometry.spacing_xyz[1::-1], slices[0].pixel_spacing, rtol=1e-3)
    first = geometry.index([s.position_lps for s in slices])[:, 1:]
    beyond = first + np.subtract((slices[0].rows, slices[0].columns), geometry.shape_zyx[1:])
    outside_mm = np.maximum(-first, beyond).max(0) * geometry.spacing_zyx[1:]
    if not same or outside_mm.max() > SIDEWAYS_MM:
        raise GeometryError(
            f"No DICOM object can be made for {name}: it does not lie in the planes of its DICOM files. Was it "
            "resampled or turned? Segment the volume as it was loaded."
        )


def _complete(header: Dataset) -> Dataset:
    """A header with the elements that it may not lack."""
    image = Dataset()
    image.update(header)
    for keyword in _TYPE_2:
        if keyword not in image:
            setattr(image, keyword, None)
    image.SpecificCharacterSet = UTF_8
    if image.PatientSex not in ("M", "F", "O"):
        image.PatientSex = None
    return image


def _image(header: Dataset, instance: Instance, geometry: Geometry) -> Dataset:
    """header: what it has beside its geometry."""
    image = Dataset()
    image.update(header)
    image.SOPClassUID, image.SOPInstanceUID = instance.class_uid, instance.uid
    first = instance.slices[0]
    image.Rows, image.Columns = first.rows, first.columns
    orientation = Dataset()
    orientation.ImageOrientationPatient = _decimals(np.reshape(geometry.direction, (3, 3)).T[:2].ravel())
    measures = Dataset()
    measures.PixelSpacing = _decimals(geometry.spacing_xyz[1::-1])
    measures.SliceThickness = _decimals([first.facts["slice_thickness_mm"] or geometry.spacing_xyz[2]])[0]
    if instance.frames is None:
        image.update(orientation)
        image.update(measures)
        image.ImagePositionPatient = _position(first, geometry)
        return image
    image.NumberOfFrames = instance.frames
    shared = Dataset()
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
    image.SharedFunctionalGroupsSequence = Sequence([shared])
    places = {s.frame: _position(s, geometry) for s in instance.slices}
    image.PerFrameFunctionalGroupsSequence = Sequence(
        [_frame(places.get(k, _decimals([_OUT_OF_REACH] * 3))) for k in range(instance.frames)]
    )
    return image


def _frame(position: list[DS]) -> Dataset:
    place, group = Dataset(), Dataset()
    place.ImagePositionPatient = position
    group.PlanePositionSequence = Sequence([place])
    return group


def _position(s: Slice, geometry: Geometry) -> list[DS]:
    """Where the slice lies; exactly on the grid where it is off by no more than the reader allows."""
    index = geometry.index(s.position_lps)
    nearest = np.round(index[0])
    if abs(index[0] - nearest) <= STEP_TOLERANCE:
        index[0] = nearest
    sideways = index[1:] * geometry.spacing_zyx[1:]
    if geometry.shape_zyx[1:] == (s.rows, s.columns) and np.linalg.norm(sideways) <= SIDEWAYS_MM:
        index[1:] = 0
    return _decimals(geometry.lps(index))


def _decimals(values: Iterable[float]) -> list[DS]:
    """As DICOM holds numbers: text of at most 16 characters."""
    return [DS(float(value), auto_format=True) for value in values]

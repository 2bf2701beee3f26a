"""DICOM objects of a made-up result, of a CT read from each form of DICOM that there is."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
from LungTumorSegLib.data import CT, Result
from LungTumorSegLib.dicom_out import export
from LungTumorSegLib.enums import DicomObject
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.writers import seg_nrrd

from Testing.support import phantoms, results
from Testing.support.dicom_case import SMALL, edited

FORMS = ("plain", "oblique", "tilted", "multi-frame", "uneven")
# of patient and study, as a scanner writes them
STUDY = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19500102",
    "PatientSex": "F",
    "StudyDate": "20240305",
    "StudyTime": "101112",
    "StudyID": "S1",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "Roe^Richard",
    "Manufacturer": "Maker",
    "StudyDescription": "Thorax",
}


@dataclass
class Written:
    """What was read, the result, and the folders of the series and of its objects."""

    ct: CT
    result: Result
    series: Path
    folder: Path

    def read(self, kind: str) -> pydicom.Dataset:
        return pydicom.dcmread(self.folder / f"{kind}.dcm")


def write_series(folder: Path, form: str = "plain", **tags) -> Path:
    """A series of a small piece of the phantom, as a scanner sends it, with the elements of `STUDY`."""
    folder.mkdir(parents=True)
    values = STUDY | tags
    if form == "multi-frame":
        path = phantoms.write_enhanced_dicom(SMALL, folder / "ct.dcm")
        edited([path], lambda dataset: [setattr(dataset, k, v) for k, v in values.items()])
        return folder
    ct = SMALL
    if form == "oblique":
        ct = phantoms.oblique(SMALL, 9)
    if form == "tilted":
        ct = phantoms.tilted(SMALL, 12)
    paths = phantoms.write_dicom(ct, folder, **values)
    if form == "uneven":  # 3 mm apart below, 4.5 mm above

        def shift(dataset):
            x, y, z = map(float, dataset.ImagePositionPatient)
            dataset.ImagePositionPatient = [x, y, z + max(0.0, z) / 2]

        edited(paths, shift)
    return folder


def made_result(ct: CT) -> Result:
    """Three lesions (two share voxels, the third is rejected) and a less likely one."""
    return results.with_less_likely(results.make_result(ct, model=results.MODEL | {"name": "Model"}))


def write(folder: Path, form: str = "plain", kinds=tuple(DicomObject), change=lambda result: result, **tags) -> Written:
    series = write_series(folder / "series", form, **tags)
    ct = read_ct(series)
    result = change(made_result(ct))
    (folder / "out").mkdir()
    export.prepare(ct, kinds).write(folder / "out", result)
    return Written(ct, result, series, folder / "out")


def without_overlap(result: Result) -> Result:
    """The same without the second lesion, which shares voxels with the first; the third is accepted."""
    first, _, third = result.lesions
    masks = (result.masks[0], result.masks[2])
    return replace(result, lesions=(first, replace(third, status="accepted")), masks=masks)


def frame_points(seg: pydicom.Dataset) -> dict[int, np.ndarray]:
    """LPS mm of the voxels of each segment, by what stands in the file alone."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    row, column = np.reshape(np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float), (2, 3))
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    points: dict[int, list] = {}
    frames = np.reshape(seg.pixel_array, (-1, seg.Rows, seg.Columns))
    for pixels, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        place = groups if "SegmentIdentificationSequence" in groups else shared
        number = place.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        origin = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        y, x = np.nonzero(pixels)
        here = origin + np.outer(x * between_columns, row) + np.outer(y * between_rows, column)
        points.setdefault(number, []).append(here)
    return {number: np.concatenate(parts) for number, parts in points.items()}


def nrrd_points(path: Path, result: Result) -> list[np.ndarray]:
    """The same of each segment of the ``.seg.nrrd`` that is written of the result."""
    seg_nrrd.write(path, result)
    voxels, header = nrrd.read(str(path), index_order="C")
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(header["space directions"])[-3:].T
    affine[:3, 3] = header["space origin"]
    layers = voxels if voxels.ndim == 4 else voxels[..., np.newaxis]
    geometry = Geometry.from_affine(layers.shape[:3], affine)
    found = []
    for i in range(len(result.lesions)):
        layer = layers[..., int(header[f"Segment{i}_Layer"])]
        found.append(geometry.lps(np.argwhere(layer == int(header[f"Segment{i}_LabelValue"]))))
    return found


def dciodvfy(path: Path) -> list[str]:
    """The errors that Debian's dicom3tools find in a file; skips without them, fails where all must run."""
    if shutil.which("dciodvfy") is None:
        if "CI" in os.environ and sys.platform == "linux":
            pytest.fail("dciodvfy is missing: apt-get install dicom3tools")
        pytest.skip("needs dciodvfy of dicom3tools")
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True).stderr
    assert "SR" in said or "Segmentation" in said  # it knew the kind of object
    return [line for line in said.splitlines() if line.startswith("Error")]

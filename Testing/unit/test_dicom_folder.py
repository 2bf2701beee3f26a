"""Folders as people have them: links, discs with their DICOMDIR, another series that is damaged."""

import os
import shutil

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.errors import GeometryError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct
from pydicom.fileset import FileSet

from Testing.support import phantoms
from Testing.support.dicom_case import SMALL, UID, edited, raw, refused, same

# links


def linked(folder, relative=False):
    """A folder of links to the slices, and the slices."""
    paths = phantoms.write_dicom(SMALL, folder / "real")
    (folder / "links").mkdir()
    for path in paths:
        target = os.path.relpath(path, folder / "links") if relative else path
        (folder / "links" / path.name).symlink_to(target)
    return folder / "links", paths


@pytest.mark.parametrize("relative", [True, False])
def test_a_folder_of_links_is_read_by_the_folder_or_by_one_link(tmp_path, relative):
    links, _ = linked(tmp_path, relative)
    assert same(read_ct(links), SMALL) and same(read_ct(next(links.iterdir())), SMALL)


def test_one_link_to_a_slice_stands_for_the_series_of_the_slice(tmp_path):
    (tmp_path / "ct").symlink_to(phantoms.write_dicom(SMALL, tmp_path / "real")[7])
    assert same(read_ct(tmp_path / "ct"), SMALL)


@pytest.mark.parametrize(("lost", "error"), [([19], None), (range(16, 20), UnreadableError), ([9], UnreadableError)])
def test_links_to_slices_that_are_gone_are_missing_slices(tmp_path, lost, error):
    links, paths = linked(tmp_path)
    for k in lost:
        paths[k].unlink()
    if error:
        refused(error, rf"{len(lost)} file\(s\).*{3 * len(lost)} mm of the chest", links)
    else:
        assert "about 3 mm of the chest were not looked at" in read_ct(links).source["warnings"][0]


# a disc


def disc(folder):
    """What a burnt disc holds. Returns its DICOMDIR."""
    files = FileSet()
    tags = {"StudyDate": "20260101", "StudyTime": "101010", "StudyID": "1", "AccessionNumber": "1"}
    for path in phantoms.write_dicom(SMALL, folder / "source", **tags):
        files.add(path)
    files.write(folder / "disc")
    shutil.rmtree(folder / "source")
    return folder / "disc" / "DICOMDIR"


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir", "DICOMDIR;1", "table.dcm"])
def test_a_disc_is_read_by_its_table_of_contents_whatever_that_is_called(tmp_path, name):
    table = disc(tmp_path)
    table.rename(table.with_name(name))
    (table.parent / "VIEWER.EXE").write_bytes(bytes(5000))
    ct = read_ct(table.with_name(name))
    assert same(ct, SMALL) and not ct.source["warnings"]


def test_files_that_were_renamed_are_not_missing(tmp_path):
    table = disc(tmp_path)
    for k, path in enumerate(sorted(p for p in table.parent.rglob("*") if p.is_file() and p != table)):
        path.rename(table.with_name(f"slice{k}.dcm"))
    assert read_ct(table).source["not_read"]["files"] == 0


@pytest.mark.parametrize("by", ["table", "folder"])
@pytest.mark.parametrize(("lost", "error"), [(1, None), (8, UnreadableError)])
def test_what_the_table_names_and_the_copy_lacks_is_missing(tmp_path, by, lost, error):
    table = disc(tmp_path)
    for path in sorted(p for p in table.parent.rglob("*") if p.is_file() and p != table)[-lost:]:
        path.unlink()
    path = table if by == "table" else table.parent
    if error:
        refused(error, rf"{lost} file\(s\).*{3 * lost} mm of the chest", path)
    else:
        assert read_ct(path).source["not_read"] == {"files": 1, "mm": 3.0}


def test_a_table_of_contents_that_is_damaged_does_not_matter(tmp_path):
    table = disc(tmp_path)
    table.write_bytes(table.read_bytes()[:700])
    assert same(read_ct(table), SMALL)


# another series


def cut(size):
    def change(path):
        path.write_bytes(path.read_bytes()[:size])

    return change


def without(keyword):
    def change(path):
        dataset = pydicom.dcmread(path)
        delattr(dataset, keyword)
        dataset.save_as(path)

    return change


def number(keyword, value):
    return lambda path: edited([path], raw(keyword, value))


DAMAGE = {
    "cut": cut(500), "no rows": without("Rows"), "no series": without("SeriesInstanceUID"),
    "no rescale": number("RescaleIntercept", b"abc"), "no pixel size": number("PixelSpacing", b"a\\b"),
    "no position": number("ImagePositionPatient", b"a\\b\\c"), "no frames": number("NumberOfFrames", b"many"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_another_series_that_is_damaged_is_told_and_does_not_matter(tmp_path, damage):
    phantoms.write_dicom(SMALL, tmp_path / "good")
    for path in phantoms.write_dicom(SMALL, tmp_path / "bad", range(5), series=f"{UID}.9"):
        damage(path)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and ct.source["not_read"]["files"] == 0
    assert "5 file(s) of other series can't be read" in ct.source["warnings"][0]


@pytest.mark.parametrize("kind", ["cut", "no rescale", "no position"])
def test_an_mr_that_is_damaged_is_not_worth_a_note(tmp_path, kind):
    phantoms.write_dicom(SMALL, tmp_path / "ct")
    path = phantoms.write_dicom(SMALL, tmp_path / "mr", [4], series=f"{UID}.9", Modality="MR")[0]
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    dataset.save_as(path)
    DAMAGE[kind](path)
    assert not read_ct(tmp_path).source["warnings"]


def test_a_number_that_is_none_in_one_slice_is_named_and_its_millimetres(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    edited(paths[-1:], raw("RescaleIntercept", b"abc"))
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.voxels_zyx, SMALL.voxels_zyx[:-1])
    assert "RescaleIntercept is 'abc', which is no number): about 3 mm" in ct.source["warnings"][0]
    edited(paths[9:10], raw("PixelSpacing", b"abc"))
    refused((UnreadableError, GeometryError), "2 file.*inside", tmp_path)

"""The label map for other tools: ids, grid, formats, and what stops it before a run."""

import sys
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import OutputError
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.writers import label_map, result_files

from Testing.support import results


@pytest.fixture(scope="module")
def result():
    made = results.with_less_likely(results.make_result(results.make_ct()))
    lesions = [replace(lesion, id=number) for lesion, number in zip(made.lesions, (7, 300, 2), strict=True)]
    return replace(made, lesions=tuple(lesions))


def _expected(result):
    """By the masks, one voxel at a time: the first lesion of the table wins; the third is rejected."""
    labels = np.zeros(result.geometry.shape_zyx, np.uint16)
    for lesion, mask in list(zip(result.lesions, result.masks, strict=True))[:2]:
        for place in np.argwhere(mask) + lesion.label_box.start:
            labels[tuple(place)] = labels[tuple(place)] or lesion.id
    return labels


@pytest.mark.parametrize("ending", label_map.ENDINGS)
def test_every_format_gives_back_labels_and_grid(tmp_path, result, ending):
    path = tmp_path / f"labels{ending}"
    label_map.check(path, tmp_path / "out")
    with label_map.written(path, result):
        pass
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), _expected(result))
    back = Geometry(result.geometry.shape_zyx, image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    assert np.allclose(back.affine, result.geometry.affine, rtol=0, atol=1e-3)
    assert not list(tmp_path.glob(".partial-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="a file's size is limited by RLIMIT_FSIZE")
@pytest.mark.parametrize("ending", label_map.ENDINGS)
def test_a_file_that_is_cut_off_is_no_label_map(tmp_path, result, ending):
    """ITK says nothing of most files that it could not write to their end."""
    import resource

    path = tmp_path / f"labels{ending}"
    with label_map.written(path, result):
        pass
    size = max(file.stat().st_size for file in tmp_path.iterdir())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written"), label_map.written(path, result):
            pytest.fail("it is said before the other files move")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_nibabel_finds_a_lesion_where_it_is(tmp_path, result):
    with label_map.written(tmp_path / "labels.nii.gz", result):
        pass
    image = nibabel.load(tmp_path / "labels.nii.gz")
    labels = np.asanyarray(image.dataobj)
    assert set(np.unique(labels)) == {0, 7, 300}
    centre = nibabel.affines.apply_affine(image.affine, np.argwhere(labels == 7).mean(0))
    whole = _expected(result) == 7
    x, y, z = result.geometry.lps(np.argwhere(whole).mean(0))
    assert np.allclose(centre, (-x, -y, z), atol=1e-3)


def _refused(match, *arguments, **options):
    with pytest.raises(OutputError, match=match):
        label_map.check(*arguments, **options)


@pytest.mark.parametrize("name", ["labels.png", "labels.jpg", "labels.dcm", "labels", "labels.xyz"])
def test_an_ending_that_can_hold_no_label_map_is_refused(tmp_path, name):
    _refused("No label map can be written as", tmp_path / name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    _refused("cannot be written", tmp_path / "file" / "labels.nrrd", tmp_path)
    _refused("cannot be written", tmp_path / "nowhere" / "labels.nrrd", tmp_path)
    (tmp_path / "folder.nrrd").mkdir()
    _refused("is a folder", tmp_path / "folder.nrrd", tmp_path)


def test_the_name_of_another_result_file_is_refused(tmp_path):
    _refused("another result file", tmp_path / result_files.SEGMENTATION, tmp_path)
    label_map.check(tmp_path / result_files.SEGMENTATION, tmp_path / "out")


def test_a_file_that_is_there_stays_unless_overwriting_is_asked_for(tmp_path):
    path = tmp_path / "labels.nii.gz"
    path.write_text("mine")
    _refused("is there already", path, tmp_path)
    label_map.check(path, tmp_path, overwrite=True)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(("labels", "other"), [("ct.mhd", "ct.zraw"), ("ct.hdr", "ct.img"), ("ct.nhdr", "ct.raw.gz")])
def test_nor_are_the_voxels_of_another_file_replaced(tmp_path, labels, other):
    (tmp_path / other).write_text("mine")
    _refused(f"{other} is there already", tmp_path / labels, tmp_path)
    label_map.check(tmp_path / labels, tmp_path, overwrite=True)


@pytest.mark.parametrize(("labels", "ct"), [("ct.nrrd", "ct.nrrd"), ("ct.hdr", "ct.img"), ("ct.img", "ct.hdr")])
def test_the_ct_itself_is_never_replaced(tmp_path, labels, ct):
    (tmp_path / ct).write_text("voxels")
    _refused("would replace the CT", tmp_path / labels, tmp_path / "out", overwrite=True, ct=tmp_path / ct)
    label_map.check(tmp_path / "labels.nrrd", tmp_path / "out", overwrite=True, ct=tmp_path / ct)


def test_an_error_in_the_block_leaves_no_label_map(tmp_path, result):
    path = tmp_path / "labels.mhd"
    path.write_text("the earlier one")
    with pytest.raises(OutputError), label_map.written(path, result):
        raise OutputError("The results cannot be written.")
    assert [p.name for p in tmp_path.iterdir()] == ["labels.mhd"]
    assert path.read_text() == "the earlier one"

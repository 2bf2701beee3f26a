"""What the same CT can look like as a file: pairs and endings, axes of one, axes slightly off right angles."""

import gzip

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import GeometryError
from LungTumorSegLib.readers.ct import read_ct
from scipy.spatial.transform import Rotation

from Testing.support import phantoms
from Testing.support.nifti_case import RAS, SMALL, is_same, refused_geometry, save

# NIfTI: pairs and endings


@pytest.mark.parametrize(
    ("header", "voxels"),
    [("ct.hdr", "ct.img"), ("ct.HDR", "ct.IMG"), ("ct.Hdr", "ct.Img"), ("a.ct.hdr", "a.ct.img"),
     ("ct.hdr", "ct.img.gz"), ("ct.hdr.gz", "ct.img"), ("ct.hdr.gz", "ct.img.gz"), ("ct.HDR.GZ", "ct.IMG.GZ"),
     ("ct.hdr", "ct.IMG")],
)  # fmt: skip
@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
def test_a_pair_is_read_by_either_file_zipped_or_not(tmp_path, header, voxels, kind):
    save(tmp_path / "saved.hdr", kind=kind)
    for saved, name in (("saved.hdr", header), ("saved.img", voxels)):
        content = (tmp_path / saved).read_bytes()
        (tmp_path / saved).unlink()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith("gz") else content)
    assert is_same(read_ct(tmp_path / header)) and is_same(read_ct(tmp_path / voxels))


@pytest.mark.parametrize(
    "name", ["ct", "ct.NII", "ct.img", "ct.hdr", "ct (1).nii", "ct.nii.gz.part", "ct.dcm", "ct.nrrd"]
)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_nifti_in_one_file_is_read_whatever_its_ending(tmp_path, name, zipped, kind):
    content = save(tmp_path / "saved.nii", kind=kind).read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if zipped else content)
    assert is_same(read_ct(tmp_path / name))


@pytest.mark.parametrize("kind", ["nrrd", "mha"])
@pytest.mark.parametrize("name", ["ct", "ct.NRRD", "ct.img", "ct.nii", "ct.txt", "ct.nrrd.bak"])
def test_other_formats_are_read_whatever_their_ending(tmp_path, kind, name):
    phantoms.write_image(SMALL, tmp_path / f"saved.{kind}").rename(tmp_path / name)
    assert is_same(read_ct(tmp_path / name))


@pytest.mark.parametrize("ending", [".hdr", ".img"])
def test_an_analyze_file_is_refused_by_its_name_not_as_damaged(tmp_path, ending):
    nibabel.save(nibabel.AnalyzeImage(SMALL.voxels_zyx.T, np.eye(4)), tmp_path / "ct.img")
    refused_geometry(tmp_path / f"ct{ending}", "Analyze file.*left and right")


# axes of one


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("ones", [1, 2, 3, 4])
def test_trailing_axes_of_one_are_none_in_nifti(tmp_path, ones, kind):
    voxels = SMALL.voxels_zyx.T.reshape(*SMALL.voxels_zyx.T.shape, *[1] * ones)
    nibabel.save(kind(voxels, RAS @ SMALL.geometry.affine), tmp_path / "ct.nii.gz")
    assert is_same(read_ct(tmp_path / "ct.nii.gz"))


def nrrd(path, leading=0, trailing=0, kinds=""):
    geometry = SMALL.geometry
    vectors = [f"({','.join(map(str, axis))})" for axis in geometry.affine[:3, :3].T]
    sizes = [1] * leading + list(reversed(geometry.shape_zyx)) + [1] * trailing
    lines = [
        "NRRD0005", "type: short", f"dimension: {len(sizes)}", f"sizes: {' '.join(map(str, sizes))}", "space: LPS",
        f"space directions: {' '.join(['none'] * leading + vectors + ['none'] * trailing)}",
        f"space origin: ({','.join(map(str, geometry.origin_lps))})", "endian: little", "encoding: raw",
    ]  # fmt: skip
    text = "\n".join(lines + [f"kinds: {kinds}"] * bool(kinds)) + "\n\n"
    path.write_bytes(text.encode() + SMALL.voxels_zyx.tobytes())
    return path


@pytest.mark.parametrize(
    ("leading", "trailing", "kinds"),
    [(0, 1, ""), (0, 2, ""), (0, 1, "domain domain domain list"), (0, 1, "space space space time"), (1, 0, ""),
     (1, 0, "list domain domain domain"), (1, 0, "vector domain domain domain"),
     (1, 1, "vector domain domain domain list")],
)  # fmt: skip
def test_axes_of_one_beside_the_volume_are_none_in_nrrd(tmp_path, leading, trailing, kinds):
    assert is_same(read_ct(nrrd(tmp_path / "ct.nrrd", leading, trailing, kinds)))


@pytest.mark.parametrize("ending", [".mha", ".mhd", ".nrrd", ".nhdr", ".nii.gz"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_sequence_of_one_volume_is_that_volume(tmp_path, ending, zipped):
    image = sitk.JoinSeries([phantoms.to_sitk(SMALL.voxels_zyx, SMALL.geometry)])
    sitk.WriteImage(image, tmp_path / f"ct{ending}", useCompression=zipped)
    assert is_same(read_ct(tmp_path / f"ct{ending}"))


@pytest.mark.parametrize("ending", [".mha", ".nrrd", ".nii"])
def test_a_sequence_of_two_is_refused(tmp_path, ending):
    sitk.WriteImage(sitk.JoinSeries([phantoms.to_sitk(SMALL.voxels_zyx, SMALL.geometry)] * 2), tmp_path / f"ct{ending}")
    with pytest.raises(GeometryError, match="4 dimensions"):
        read_ct(tmp_path / f"ct{ending}")


# axes off right angles


def askew(path, degrees, axes, turn=0.0, qform=False):
    """The CT with one axis leaning over another, as some conversions write it. Returns the affine, LPS."""
    affine = SMALL.geometry.affine.copy()
    leaning, over = axes
    affine[:3, leaning] += np.linalg.norm(affine[:3, leaning]) * np.tan(np.radians(degrees)) * np.eye(3)[over]
    affine[:3, :3] = Rotation.from_rotvec([0.3 * turn, 0.1 * turn, turn]).as_matrix() @ affine[:3, :3]
    if path.suffix == ".nii":
        image = nibabel.Nifti1Image(SMALL.voxels_zyx.T, RAS @ affine)
        image.set_sform(RAS @ affine, 1)
        image.set_qform(RAS @ affine if qform else None, 1 if qform else 0)
        nibabel.save(image, path)
        return affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = sitk.GetImageFromArray(SMALL.voxels_zyx)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    sitk.WriteImage(image, path)
    return affine


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("axes", [(2, 0), (2, 1), (1, 0)])
@pytest.mark.parametrize(("degrees", "turn"), [(0.1, 0.0), (-0.3, 0.5), (0.49, 0.0)])
def test_axes_up_to_half_a_degree_off_are_brought_to_right_angles_with_a_note(tmp_path, ending, axes, degrees, turn):
    affine = askew(tmp_path / f"ct{ending}", degrees, axes, turn)
    ct = read_ct(tmp_path / f"ct{ending}")
    directions = np.reshape(ct.geometry.direction, (3, 3))
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-12)
    # nearest: each of two axes takes half of it
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    off = np.degrees(np.arccos(np.clip((unit * directions).sum(0), -1, 1)))
    np.testing.assert_allclose(sorted(off), [0, abs(degrees) / 2, abs(degrees) / 2], atol=0.01)
    np.testing.assert_allclose(ct.geometry.origin_lps, affine[:3, 3], atol=1e-3)
    assert f"{abs(degrees):.2f} degrees off right angles" in ct.source["warnings"][0]
    assert np.array_equal(ct.voxels_zyx, SMALL.voxels_zyx)


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("degrees", [0.52, -1, 8])
def test_axes_further_off_are_refused(tmp_path, ending, degrees):
    askew(tmp_path / f"ct{ending}", degrees, (2, 1))
    refused_geometry(tmp_path / f"ct{ending}", "right angles")


def test_a_straight_qform_beside_an_askew_sform_is_no_second_position(tmp_path):
    askew(tmp_path / "ct.nii", 0.2, (2, 1), qform=True)
    assert len(read_ct(tmp_path / "ct.nii").source["warnings"]) == 1

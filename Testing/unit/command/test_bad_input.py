"""Bad input ends with its own exit code and a sentence, and nothing is written."""

import os
import socket

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.support import phantoms
from Testing.support.command_case import assert_refused, run, run_process, without_roots_rights


@pytest.fixture
def refused(tmp_path, output):
    """A function that runs the command on a file made of voxels, and checks that it is refused."""

    def check(voxels_or_path, words, geometry=None):
        path = voxels_or_path
        if isinstance(path, np.ndarray):
            path = tmp_path / "bad.nrrd"
            image = sitk.GetImageFromArray(voxels_or_path, isVector=voxels_or_path.ndim == 4)
            image.SetSpacing((1.5,) * image.GetDimension())
            sitk.WriteImage(image, str(path))
        assert_refused(run("segment", path, "-o", output), 3, words)
        assert not output.exists()

    return check


def test_mr_like_values_are_refused(refused, small):
    refused((np.abs(small.voxels_zyx).astype(np.int16) // 2), "isn't a CT in Hounsfield units")


def test_an_8_bit_picture_is_refused(refused, small):
    refused((small.voxels_zyx // 16 + 64).clip(0, 255).astype(np.uint8), "8-bit")


def test_an_empty_volume_is_refused(refused, small):
    refused(np.zeros_like(small.voxels_zyx), "same value")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_number_are_refused(refused, small, value):
    voxels = small.voxels_zyx.astype(np.float32)
    voxels[3, 4, 5] = value
    refused(voxels, "NaN or infinite")


def test_two_slices_are_refused(refused, small):
    refused(small.voxels_zyx[:2], "only 2 slice")


def test_a_2d_image_is_refused(refused, small):
    refused(small.voxels_zyx[4], "2 dimensions")


def test_a_colour_image_is_refused(refused, small):
    refused(np.stack([small.voxels_zyx] * 3, axis=-1), "colour")


@pytest.mark.parametrize("spacing", ["0", "-1.5", "nan"])
def test_a_spacing_that_is_no_length_is_refused(refused, small, tmp_path, spacing):
    path = tmp_path / "bad.nrrd"
    z, y, x = small.voxels_zyx.shape
    header = f"NRRD0004\ntype: short\ndimension: 3\nsizes: {x} {y} {z}\nendian: little\nencoding: raw\n"
    path.write_bytes(f"{header}spacings: 1.5 1.5 {spacing}\n\n".encode() + small.voxels_zyx.tobytes())
    refused(path, "voxel size")


def test_a_truncated_nrrd_is_refused(refused, small_file):
    small_file.write_bytes(small_file.read_bytes()[:-3000])
    refused(small_file, "cut off")


def test_a_truncated_dicom_file_is_refused(refused, small, tmp_path):
    phantoms.write_dicom(small, tmp_path / "dicom")
    file = sorted((tmp_path / "dicom").rglob("*"))[3]
    file.write_bytes(file.read_bytes()[:-2000])
    refused(tmp_path / "dicom", "cut off")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_what_is_neither_file_nor_folder_is_refused_before_it_is_opened(refused, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.nrrd")
    refused(tmp_path / "pipe.nrrd", "is a pipe, a socket or a device")
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("ct")
        refused(tmp_path / "ct", "is a pipe, a socket or a device")
    refused("/dev/zero", "is a pipe, a socket or a device")


def test_an_empty_folder_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "DICOM")


def test_a_file_that_is_not_there_is_refused(refused, tmp_path):
    refused(tmp_path / "nowhere.nrrd", "no file or folder")


def test_a_file_that_is_no_image_is_refused(refused, tmp_path):
    (tmp_path / "letter.nrrd").write_text("Dear colleague,")
    refused(tmp_path / "letter.nrrd", "letter.nrrd")


def test_an_abdomen_without_lungs_is_refused(refused, tmp_path):
    x, y, z = (0, 0, -190)
    abdomen, _ = phantoms.chest((3.0, 3.0, 5.0), (384, 288, 120), centre_lps=(x, y, z))
    phantoms.write_image(abdomen, tmp_path / "abdomen.nrrd")
    refused(tmp_path / "abdomen.nrrd", "lung")


def test_a_file_in_the_place_of_the_output_folder_is_refused(small_file, output):
    output.write_text("mine")
    assert_refused(run("segment", small_file, "-o", output), 3, "a file of that name is in the way")
    assert output.read_text() == "mine"


def test_a_file_without_read_access_is_refused(small_file, output):
    small_file.chmod(0)
    ended = run_process("segment", small_file, "-o", output, prefix=without_roots_rights())
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "ermission" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not output.exists()


def test_a_folder_without_write_access_is_refused_before_any_work(tmp_path, output):
    output.mkdir(mode=0o500)
    ended = run_process("segment", tmp_path / "not even there.nrrd", "-o", output, prefix=without_roots_rights())
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "no permission to write" in ended.stderr
    assert list(output.iterdir()) == []

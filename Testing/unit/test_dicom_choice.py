"""Which series of a folder is read: what the voxels show, then plain before derived, then words."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.data import CT
from LungTumorSegLib.errors import NotACTError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.readers.dicom_series import list_series

from Testing.support import phantoms
from Testing.support.dicom_case import UID, refused

CHEST, _ = phantoms.chest((4.0, 4.0, 6.0))


def belly() -> CT:
    """The same body without lungs, in thinner slices."""
    hu = np.where(CHEST.voxels_zyx < -600, 40, CHEST.voxels_zyx).astype(np.int16)
    hu[:, :3] = hu[:, -3:] = -1000  # air around it, as in every CT
    thin = replace(CHEST.geometry, spacing_xyz=(*CHEST.geometry.spacing_xyz[:2], 1.25))
    return CT(hu, thin)


def write(folder, ct, number, **tags):
    phantoms.write_dicom(ct, folder / str(number), series=f"{UID}.{number}", SeriesNumber=number, **tags)


def chosen(folder) -> str:
    return read_ct(folder).source["series_uid"]


@pytest.mark.parametrize("words", [("胸部平扫", "腹部平扫"), ("X1", "CHEST 1.25"), ("", "Lunge duenn")], ids=str)
def test_the_series_with_lungs_in_it_is_read_whatever_the_words_say(tmp_path, words):
    write(tmp_path, CHEST, 2, SeriesDescription=words[0], SpecificCharacterSet="ISO_IR 192")
    write(tmp_path, belly(), 1, SeriesDescription=words[1], SpecificCharacterSet="ISO_IR 192")
    assert chosen(tmp_path) == f"{UID}.2"


@pytest.mark.parametrize(
    "words",
    ["Thorax MIP8x2", "Thorax MIP10mm", "Thorax minIP", "Thorax_AIP_5", "Mono 40 keV", "Iodine overlay", "Lung CAD",
     "Subtraction", "Subtraktion Thorax", "胸部 投影", "Chest VNC", "Lung PBV"],
)  # fmt: skip
def test_what_is_derived_comes_after_the_plain_reconstruction(tmp_path, words):
    write(tmp_path, CHEST, 2, SeriesDescription="Thorax 6.0")
    thin = replace(CHEST, geometry=replace(CHEST.geometry, spacing_xyz=(4.0, 4.0, 1.25)))
    write(tmp_path, thin, 1, SeriesDescription=words, SpecificCharacterSet="ISO_IR 192")
    assert chosen(tmp_path) == f"{UID}.2"


def test_derived_and_secondary_comes_after_original_and_primary(tmp_path):
    write(tmp_path, CHEST, 2, SeriesDescription="Thorax")
    write(tmp_path, CHEST, 1, SeriesDescription="Thorax", ImageType=["DERIVED", "SECONDARY", "AXIAL"])
    assert chosen(tmp_path) == f"{UID}.2"


@pytest.mark.parametrize("other", ["ABD/PELVIS lung window", "COLUMNA LUMBAR"])
@pytest.mark.parametrize("chest", ["CHEST 6.0 B40f", "TÓRAX 6.0", "Thorax"])
def test_of_two_with_lungs_words_decide_with_accents_and_windows_seen_through(tmp_path, chest, other):
    write(tmp_path, CHEST, 2, SeriesDescription=chest, SpecificCharacterSet="ISO_IR 192")
    write(tmp_path, CHEST, 1, SeriesDescription=other)
    assert chosen(tmp_path) == f"{UID}.2"


def test_when_slices_of_the_chosen_series_are_broken_the_error_names_it_and_the_others(tmp_path):
    whole, _ = phantoms.chest((6, 6, 6))
    write(tmp_path, whole, 2, SeriesDescription="good")
    write(tmp_path, whole, 1, SeriesDescription="broken")
    for path in sorted((tmp_path / "1").iterdir())[::2]:
        path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(UnreadableError, match=r"not looked at.* The series broken was read .*good.*--series"):
        read_ct(tmp_path)


def test_a_series_is_judged_by_sixteen_slices_at_most(tmp_path, monkeypatch):
    from LungTumorSegLib.readers import dicom_choice, dicom_stack

    write(tmp_path, CHEST, 1)
    write(tmp_path, belly(), 2)
    decoded, planes = [], dicom_stack.planes_hu
    monkeypatch.setattr(dicom_choice.dicom_stack, "planes_hu", lambda s: (decoded.extend(s), planes(s))[1])
    list_series(tmp_path)
    assert len(CHEST.voxels_zyx) > 16 and len(decoded) == 32


def test_when_the_chosen_series_cannot_be_used_the_error_names_it_and_the_others(tmp_path):
    flat = CT(
        np.full((20, 24, 30), 40, np.int16) + np.arange(30, dtype=np.int16),
        replace(CHEST.geometry, shape_zyx=(20, 24, 30)),
    )
    write(tmp_path, flat, 1, SeriesDescription="Thorax")
    write(tmp_path, replace(flat, voxels_zyx=flat.voxels_zyx + 5), 2, SeriesDescription="Head")
    refused(NotACTError, rf"The series Thorax was read \({UID}.1\).*Head.*--series", tmp_path)


# padding


@pytest.mark.parametrize(
    ("stored", "written"), [(-2000, -2000), (-2000, 63536)], ids=["with its sign", "without its sign"]
)
def test_padding_is_air_with_or_without_its_sign(tmp_path, stored, written):
    import pydicom

    paths = phantoms.write_dicom(CHEST, tmp_path)
    for path in paths:
        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array.copy()
        pixels[:4] = stored
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "SS" if written < 0 else "US", written)
        dataset.save_as(path)
    assert (read_ct(tmp_path).voxels_zyx[:, :4] == -1024).all()


def test_a_range_of_padding_is_air(tmp_path):
    import pydicom

    paths = phantoms.write_dicom(CHEST, tmp_path)
    for path in paths:
        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array.copy()
        pixels[:2], pixels[2:4] = 3000, 3010
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", 3000)
        dataset.add_new("PixelPaddingRangeLimit", "SS", 3010)
        dataset.save_as(path)
    assert (read_ct(tmp_path).voxels_zyx[:, :4] == -1024).all()

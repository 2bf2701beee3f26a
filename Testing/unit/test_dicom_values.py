"""Values of DICOM slices that would be wrong without a word: rescales, blank slices, bits at the other end, turned."""

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.errors import InputError, NotACTError, UnreadableError
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers import dicom_blank
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms
from Testing.support.compressed import LOSSLESS, compress
from Testing.support.dicom_case import OTHER, SMALL, edited, refused, same


def stored(dataset) -> np.ndarray:
    return np.frombuffer(dataset.PixelData, "<i2").reshape(SMALL.voxels_zyx.shape[1:])


# rescale


def test_a_slope_of_0_in_one_slice_is_a_lost_one(tmp_path):
    edited([phantoms.write_dicom(SMALL, tmp_path)[4]], lambda d: setattr(d, "RescaleSlope", "0"))
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and "1 slice(s) of Thorax 1.0 B30f have no rescale" in ct.source["warnings"][0]


@pytest.mark.parametrize("wrong", [range(4, 5), range(4, 9), range(16, 20)], ids=["one", "five", "last"])
@pytest.mark.parametrize(("tag", "value"), [("RescaleIntercept", "0"), ("RescaleSlope", "2")])
def test_a_rescale_that_does_not_fit_the_values_is_refused(tmp_path, wrong, tag, value):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    edited([paths[k] for k in wrong], lambda d: setattr(d, tag, value))
    refused(UnreadableError, f"different rescales .*{tag.removeprefix('Rescale').lower()} {value}", tmp_path)


def test_a_rescale_for_each_slice_that_fits_its_values_is_read(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, rescale=((1, -1024), (1, -8192), (1, 0)))
    assert same(read_ct(tmp_path), SMALL)


@pytest.mark.parametrize("intercept", [-1024, 0])
@pytest.mark.parametrize("part", [slice(None), slice(8, 14)], ids=["whole", "inside"])
def test_a_slope_with_the_wrong_sign_is_refused(tmp_path, intercept, part):
    whole, _ = phantoms.chest((6, 6, 6))
    paths = phantoms.write_dicom(whole, tmp_path, range(len(whole.voxels_zyx))[part], rescale=((1, intercept),))
    edited(paths, lambda d: setattr(d, "RescaleSlope", "-1"))
    refused(UnreadableError, "slope of .* is -1, but its values fit 1", tmp_path)


@pytest.mark.parametrize("intercept", [3071, 0])
@pytest.mark.parametrize("ct", [SMALL, phantoms.chest((6, 6, 6))[0]], ids=["piece", "whole"])
def test_pictures_that_are_stored_inverted_are_turned_and_that_is_said(tmp_path, ct, intercept):
    phantoms.write_dicom(ct, tmp_path, rescale=((-1, intercept),))
    found = read_ct(tmp_path)
    assert same(found, ct) and "slope of Thorax 1.0 B30f is -1" in found.source["warnings"][0]


def test_an_inverted_ct_is_refused_whatever_its_format(tmp_path):
    whole, _ = phantoms.chest((6, 6, 6))
    bones = whole.voxels_zyx.copy()
    bones[:, ::20][bones[:, ::20] > -100] = 700  # inverted, it passes for air: 2 % of the voxels
    phantoms.write_image(phantoms.CT(-bones, whole.geometry), tmp_path / "ct.nrrd")
    refused(NotACTError, "inverted, or about 1000 too high", tmp_path / "ct.nrrd")
    phantoms.write_image(phantoms.CT(bones, whole.geometry), tmp_path / "ct.nrrd")
    read_ct(tmp_path / "ct.nrrd")


def test_an_inverted_piece_of_a_chest_with_little_lung_is_refused(tmp_path):
    """12 cm around the mediastinum: 16 % of it is lung, and 4 % is made bone, which passes for air when inverted."""
    whole, _ = phantoms.chest((6, 6, 6))
    piece = whole.voxels_zyx[:, 8:30, 22:42].copy()
    piece[:, 10][piece[:, 10] > -100] = 700
    geometry = Geometry.from_affine(piece.shape, np.diag([6.0, 6.0, 6.0, 1.0]))
    phantoms.write_image(phantoms.CT(-piece, geometry), tmp_path / "ct.nrrd")
    refused(NotACTError, "inverted, or about 1000 too high", tmp_path / "ct.nrrd")
    phantoms.write_image(phantoms.CT(piece, geometry), tmp_path / "ct.nrrd")
    read_ct(tmp_path / "ct.nrrd")


@pytest.mark.parametrize(("low", "high"), [(-1000, 400), (-1200, 600), (-1024, 500)])
def test_a_ct_that_was_windowed_and_inverted_is_refused(tmp_path, low, high):
    """Its tissue has the values of air."""
    whole, _ = phantoms.chest((6, 6, 6))
    windowed = np.clip(whole.voxels_zyx, low, high)
    phantoms.write_image(phantoms.CT(low + high - windowed, whole.geometry), tmp_path / "ct.nrrd")
    refused(NotACTError, "inverted or shifted", tmp_path / "ct.nrrd")
    phantoms.write_image(phantoms.CT(windowed, whole.geometry), tmp_path / "ct.nrrd")
    read_ct(tmp_path / "ct.nrrd")


# values in another form


def test_a_table_in_place_of_the_rescale_is_named(tmp_path):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = (
        [4096, 0, 16],
        "HU",
        np.arange(4096, dtype="<u2").tobytes(),
    )
    tags = {"ModalityLUTSequence": pydicom.Sequence([table]), "RescaleSlope": None, "RescaleIntercept": None}
    phantoms.write_dicom(SMALL, tmp_path, **tags)
    refused(UnreadableError, "A table .Modality LUT Sequence. turns the values of Thorax", tmp_path)


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_pixels_are_named(tmp_path, keyword, kind):
    def change(dataset):
        setattr(dataset, keyword, (stored(dataset) - 1024.0).astype(kind).tobytes())
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated = 8 * np.dtype(kind).itemsize

    edited(phantoms.write_dicom(SMALL, tmp_path), change)
    refused(UnreadableError, f"floating-point numbers .{keyword}., which can't be read", tmp_path)


# blank slices


@pytest.mark.parametrize("blank", [[4], [4, 5], [3, 9], [8, 9, 10]], ids=str)
@pytest.mark.parametrize("first_row", [0, 12])
@pytest.mark.parametrize("frames", [False, True], ids=["slices", "frames"])
def test_slices_that_are_blank_inside_are_an_error_unless_that_is_allowed(tmp_path, blank, first_row, frames):
    if frames:
        path = phantoms.write_enhanced_dicom(SMALL, tmp_path / "ct.dcm", order=range(20))
        dataset = pydicom.dcmread(path)
        voxels = np.frombuffer(dataset.PixelData, "<i2").reshape(SMALL.voxels_zyx.shape).copy()
        voxels[blank, first_row:] = 0
        dataset.PixelData = voxels.tobytes()
        dataset.save_as(path)
    else:
        paths = phantoms.write_dicom(SMALL, tmp_path)
        filler = np.zeros((24 - first_row, 30), "<i2")
        edited(
            [paths[k] for k in blank],
            lambda d: setattr(d, "PixelData", np.concatenate([stored(d)[:first_row], filler]).tobytes()),
        )
    refused(UnreadableError, f"about {3 * len(blank)} mm of the chest were not looked at", tmp_path)
    ct = read_ct(tmp_path, allow_partial=True)
    rest = [k for k in range(20) if k not in blank]
    assert np.array_equal(ct.voxels_zyx[rest], SMALL.voxels_zyx[rest]) and (ct.voxels_zyx[blank] == -1024).all()


def test_a_blank_slice_at_the_end_is_a_note(tmp_path):
    edited(phantoms.write_dicom(SMALL, tmp_path)[19:], lambda d: setattr(d, "PixelData", bytes(len(d.PixelData))))
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.voxels_zyx, SMALL.voxels_zyx[:19]) and "3 mm of the chest" in ct.source["warnings"][0]


def test_air_that_was_set_to_one_value_around_a_body_is_not_blank():
    z, y, x = np.indices((40, 60, 80))
    wide = 10 + 18 * np.minimum(z, 14) / 14  # neck, shoulders, chest
    body = ((y - 30) / wide) ** 2 + ((x - 40) / (1.3 * wide)) ** 2 < 1
    voxels = np.where(body, np.random.default_rng(0).integers(0, 80, body.shape), -1024)
    assert dicom_blank.find(voxels) == []
    for k in range(30, 40):  # a tilted slice leaves its picture row by row
        voxels[k, 60 - 5 * (k - 29) :] = -1024
    assert dicom_blank.find(voxels) == []
    voxels[20] = -1024
    assert dicom_blank.find(voxels) == [20]


# bits


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("shifted", [True, False])
def test_12_bits_are_read_from_either_end_of_16(tmp_path, signed, shifted):
    def move(d):
        values = stored(d).astype(int) - (1024 if signed else 0)
        d.PixelData = (values << 4 if shifted else values).astype("<i2").tobytes()
        d.PixelRepresentation, d.BitsStored, d.HighBit = signed, 12, 15
        d.RescaleIntercept = 0 if signed else -1024

    edited(phantoms.write_dicom(SMALL, tmp_path), move)
    assert same(read_ct(tmp_path), SMALL)


# half a chest


@pytest.mark.parametrize("turn", [[-1, 0, 0, 0, -1, 0], [0, 1, 0, -1, 0, 0], [-1, 0, 0, 0, 1, 0]], ids=str)
def test_half_of_the_slices_in_another_direction_are_missed_in_millimetres(tmp_path, turn):
    edited(phantoms.write_dicom(SMALL, tmp_path)[:10], lambda d: setattr(d, "ImageOrientationPatient", turn))
    refused(UnreadableError, r"10 slice\(s\) .* about 30 mm of the chest were not looked at", tmp_path)


def test_a_reformat_in_the_same_series_leaves_nothing_out(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, prefix="a")
    coronal = phantoms.reorient(OTHER, (1, 0, 2), (False, False, False))
    paths = phantoms.write_dicom(coronal, tmp_path, prefix="b")
    edited(paths, lambda d: setattr(d, "SOPInstanceUID", f"{d.SOPInstanceUID}.2"))
    ct = read_ct(tmp_path, series="#2")
    assert same(ct, SMALL) or same(ct, coronal)


def _localizer(d):
    d.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


@pytest.mark.parametrize(
    "change",
    [_localizer, lambda d: setattr(d, "Modality", "PT"), lambda d: setattr(d, "SamplesPerPixel", 3),
     lambda d: delattr(d, "ImagePositionPatient")],
    ids=["localizer", "modality", "colour", "no position"],
)  # fmt: skip
@pytest.mark.parametrize(("n", "error"), [(1, False), (5, True)])
def test_slices_of_another_kind_beyond_the_others_count_in_millimetres(tmp_path, change, n, error):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    edited(paths[20 - n :], change)
    if error:
        refused(InputError, r"about 15 mm of the chest were not looked at|without position", tmp_path)
    else:
        assert "about 3 mm of the chest were not looked at" in read_ct(tmp_path).source["warnings"][0]


@pytest.mark.parametrize("codec", [None, "JPEG-LS", "RLE"])
def test_a_file_that_holds_more_frames_than_it_says_is_refused(tmp_path, codec):
    path = phantoms.write_enhanced_dicom(SMALL, tmp_path / "ct.dcm", order=range(20))
    if codec:
        compress(path, *LOSSLESS[codec])
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = 15
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:15]
    dataset.save_as(path)
    refused(UnreadableError, "says that it holds 15 frames and holds 20", path)

"""Compressed DICOM, one frame a file or all in one: every syntax, every way to pack frames, signs that are wrong."""

import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.errors import UnreadableError
from LungTumorSegLib.readers import dicom_pixels
from LungTumorSegLib.readers.ct import read_ct
from pydicom import uid

from Testing.support import phantoms
from Testing.support.compressed import JPEG_2000_SIGNED, JPEG_2000_UNSIGNED, LOSSLESS, LOSSY, compress, stored_as
from Testing.support.dicom_case import SMALL, refused, same

# bits stored, whether they have a sign, rescale
NUMBERS = [(16, True, (1, 0)), (12, True, (1, 0)), (16, False, (1, -1024)), (12, False, (1, -1024))]
metal = SMALL.voxels_zyx.copy()
metal[5:12, 4:9, 3:9] = 2900
METAL = replace(SMALL, voxels_zyx=metal)


def one_file(folder, numbers=NUMBERS[3], codec=LOSSLESS["JPEG-LS"], ct=SMALL, **how):
    bits, signed, rescale = numbers
    path = stored_as(phantoms.write_enhanced_dicom(ct, folder / "ct.dcm", rescale=rescale), bits, signed)
    return compress(path, *codec, **how)


def edit(path, **tags):
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


# the encoder of HTJ2K at hand writes no signed streams
@pytest.mark.parametrize(("name", "numbers"), [p for p in product(LOSSLESS, NUMBERS) if p[0] != "HTJ2K" or not p[1][1]])
def test_many_frames_in_one_file_are_read_in_every_syntax(tmp_path, name, numbers):
    assert same(read_ct(one_file(tmp_path, numbers, LOSSLESS[name])), SMALL)


@pytest.mark.parametrize("name", LOSSLESS)
def test_slices_in_files_of_their_own_are_read_in_every_syntax(tmp_path, name):
    bits, signed, rescale = NUMBERS[3]
    for path in phantoms.write_dicom(SMALL, tmp_path, rescale=(rescale,)):
        compress(stored_as(path, bits, signed), *LOSSLESS[name])
    assert same(read_ct(tmp_path), SMALL)


@pytest.mark.parametrize(("name", "loss_hu"), [("JPEG extended", 4), ("JPEG-LS near", 2), ("JPEG 2000", 20)])
def test_what_was_compressed_with_loss_is_as_near_as_its_quality(tmp_path, name, loss_hu):
    ct = read_ct(one_file(tmp_path, codec=LOSSY[name]))
    assert ct.geometry.shape_zyx == SMALL.geometry.shape_zyx
    assert 0 < np.abs(ct.voxels_zyx.astype(int) - SMALL.voxels_zyx).max() <= loss_hu


@pytest.mark.parametrize(("table", "fragments"), [("none", 1), ("none", 3), ("basic", 3), ("extended", 1)])
@pytest.mark.parametrize("name", ["JPEG lossless", "JPEG-LS", "JPEG 2000"])
def test_frames_are_found_however_they_are_packed(tmp_path, name, table, fragments):
    assert same(read_ct(one_file(tmp_path, codec=LOSSLESS[name], table=table, fragments=fragments)), SMALL)


@pytest.mark.parametrize("syntax", ["ExplicitVRBigEndian", "ImplicitVRLittleEndian", "DeflatedExplicitVRLittleEndian"])
def test_many_frames_without_compression_are_read_in_every_byte_order(tmp_path, syntax):
    path, syntax = phantoms.write_enhanced_dicom(SMALL, tmp_path / "ct.dcm"), getattr(uid, syntax)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.pixel_array.astype("<i2" if syntax.is_little_endian else ">i2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = syntax
    order = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
    pydicom.dcmwrite(path, dataset, enforce_file_format=True, **order)
    assert same(read_ct(path), SMALL)


@pytest.mark.parametrize("lost", ["BitsStored", "PhotometricInterpretation", "PixelRepresentation", "SamplesPerPixel"])
def test_what_describes_the_pixels_may_be_lost_where_it_is_plain(tmp_path, lost):
    path = one_file(tmp_path, NUMBERS[2])
    dataset = pydicom.dcmread(path)
    delattr(dataset, lost)
    dataset.save_as(path)
    assert same(read_ct(path), SMALL)


def test_each_frame_keeps_its_own_rescale(tmp_path):
    path = one_file(tmp_path)
    dataset = pydicom.dcmread(path)
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    for k, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        rescale = pydicom.Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, -1024 + k, "HU"
        group.PixelValueTransformationSequence = [rescale]
    dataset.save_as(path)
    higher = np.arange(len(SMALL.voxels_zyx))[::-1, None, None]  # frames are stored backwards
    assert np.array_equal(read_ct(path).voxels_zyx, SMALL.voxels_zyx + higher)


# the sign of JPEG 2000


@pytest.mark.parametrize("numbers", NUMBERS, ids=["int16", "int12", "uint16", "uint12"])
@pytest.mark.parametrize("alone", [True, False], ids=["slices", "frames"])
def test_a_header_that_lies_about_the_sign_of_jpeg_2000_is_not_believed(tmp_path, numbers, alone):
    bits, signed, rescale = numbers
    paths = [tmp_path / "ct.dcm"]
    if alone:
        paths = phantoms.write_dicom(METAL, tmp_path, rescale=(rescale,))
    else:
        phantoms.write_enhanced_dicom(METAL, paths[0], rescale=rescale)
    for path in paths:
        # -1000 to 2900 HU do not fit into 12 bits with a sign
        compress(stored_as(path, 13 if (bits, signed) == (12, True) else bits, signed), *LOSSLESS["JPEG 2000"])
        edit(path, PixelRepresentation=int(not signed))
    assert same(read_ct(tmp_path), METAL)


@pytest.mark.parametrize("bits", [12, 13, 16])
def test_signed_numbers_packed_without_a_sign_are_told_by_what_a_ct_can_hold(tmp_path, bits):
    assert same(read_ct(one_file(tmp_path, (bits, True, (1, 0)), JPEG_2000_UNSIGNED)), SMALL)


def test_a_stream_with_a_sign_that_needs_none_is_read(tmp_path):
    assert same(read_ct(one_file(tmp_path, NUMBERS[2], JPEG_2000_SIGNED)), SMALL)


def test_a_stream_of_fewer_bits_than_the_header_says_is_read(tmp_path):
    path = one_file(tmp_path, codec=LOSSLESS["JPEG 2000"])
    assert same(read_ct(edit(path, BitsStored=16, HighBit=15)), SMALL)


# one look


def opened(monkeypatch) -> list:
    paths, read = [], dicom_pixels.dicom_file.read

    def watched(path, *args, **kwargs):
        if not kwargs.get("stop_before_pixels"):
            paths.append(path)
        return read(path, *args, **kwargs)

    monkeypatch.setattr(dicom_pixels.dicom_file, "read", watched)
    return paths


def test_a_file_of_many_frames_is_opened_once_and_each_frame_decoded_once(tmp_path, monkeypatch):
    path = one_file(tmp_path)
    paths, decoded, decode = opened(monkeypatch), [], dicom_pixels._decoded
    monkeypatch.setattr(dicom_pixels, "_decoded", lambda *args: (decoded.append(args[1]), decode(*args))[1])
    assert same(read_ct(path), SMALL)
    assert paths == [path] and len(decoded) == len(set(decoded)) == len(SMALL.voxels_zyx)


def test_among_several_series_sixteen_frames_are_looked_at_and_each_is_then_decoded_once(tmp_path, monkeypatch):
    one_file(tmp_path)
    phantoms.write_dicom(SMALL, tmp_path / "other", series="1.2.826.0.1.3680043.8.498.3", SeriesNumber=2)
    decoded, decode = [], dicom_pixels._decoded
    monkeypatch.setattr(dicom_pixels, "_decoded", lambda *args: (decoded.append(args[1]), decode(*args))[1])
    assert same(read_ct(tmp_path, series="498.2"), SMALL)
    assert len(set(decoded)) == len(SMALL.voxels_zyx) and len(decoded) == len(SMALL.voxels_zyx) + 16


def test_two_files_whose_frames_lie_in_turn_are_each_opened_once(tmp_path, monkeypatch):
    whole = one_file(tmp_path)
    dataset = pydicom.dcmread(whole)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=20))
    groups = list(dataset.PerFrameFunctionalGroupsSequence)
    for part in (0, 1):
        dataset.PerFrameFunctionalGroupsSequence = groups[part::2]
        dataset.NumberOfFrames, dataset.ConcatenationUID = len(frames[part::2]), "1.2.826.0.1.3680043.8.498.77"
        dataset.PixelData = pydicom.encaps.encapsulate(frames[part::2])
        dataset["PixelData"].is_undefined_length = True
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.8.498.2.{part}"
        dataset.save_as(tmp_path / f"part{part}.dcm")
    whole.unlink()
    paths = opened(monkeypatch)
    assert same(read_ct(tmp_path), SMALL)
    assert sorted(p.name for p in paths) == ["part0.dcm", "part1.dcm"]


def test_of_a_file_that_was_copied_one_is_read(tmp_path, monkeypatch):
    shutil.copy(one_file(tmp_path), tmp_path / "copy.dcm")
    paths = opened(monkeypatch)
    assert same(read_ct(tmp_path), SMALL)
    assert len(paths) <= 4  # the two are judged, one is read


# what can't be read


@pytest.mark.parametrize("cut", [9, 600, 3000])
@pytest.mark.parametrize("name", ["RLE", "JPEG-LS", "JPEG 2000"])
def test_a_compressed_file_that_is_cut_off_is_refused(tmp_path, name, cut):
    path = one_file(tmp_path, codec=LOSSLESS[name])
    path.write_bytes(path.read_bytes()[:-cut])
    refused(UnreadableError, r"ct\.dcm.*damaged or cut off", path)


@pytest.mark.parametrize("name", ["JPEG lossless", "JPEG-LS", "JPEG 2000"])
def test_a_frame_whose_stream_ends_early_is_refused(tmp_path, name):
    path = one_file(tmp_path, codec=LOSSLESS[name])
    dataset = pydicom.dcmread(path)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=20))
    frames[11] = frames[11][: len(frames[11]) // 2]
    dataset.PixelData = pydicom.encaps.encapsulate(frames)
    dataset.save_as(path)
    refused(UnreadableError, "damaged or cut off", path)


def test_frames_that_no_group_describes_are_refused(tmp_path):
    path = one_file(tmp_path)
    groups = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    refused(UnreadableError, "20 frames.*10", edit(path, PerFrameFunctionalGroupsSequence=groups[:10]))


def test_a_compression_that_cannot_be_read_is_named_and_not_called_damaged(tmp_path):
    path = one_file(tmp_path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    dataset.save_as(path)
    with pytest.raises(UnreadableError, match=r"compressed in a way that can't be read.*MPEG2") as caught:
        read_ct(path)
    assert "damaged" not in str(caught.value)

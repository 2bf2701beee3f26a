"""The DICOM Segmentation of a result: where it lies, what it says of each lesion, and what it refers to."""

from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from LungTumorSegLib.data import Candidate
from LungTumorSegLib.dicom_out import probability_object
from LungTumorSegLib.enums import Status
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.readers import dicom_headers
from scipy.spatial import KDTree

from Testing.support import dicom_out_case as case

UNEVEN = "uneven"


@pytest.fixture(scope="module", params=case.FORMS)
def written(request, tmp_path_factory):
    made = case.write(tmp_path_factory.mktemp(request.param), request.param)
    made.form = request.param
    return made


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return case.write(tmp_path_factory.mktemp("plain"), change=case.without_overlap)


def test_each_voxel_lies_where_the_seg_nrrd_has_it(written, tmp_path):
    wanted = case.nrrd_points(tmp_path / "s.seg.nrrd", written.result)[:2]  # the third is rejected
    found = case.frame_points(written.read("seg"))
    assert sorted(found) == [1, 2]
    for number, points in enumerate(wanted, 1):
        assert len(found[number]) == len(points) > 100
        distances, nearest = KDTree(points).query(found[number])
        assert distances.max() < 0.01 and len(set(nearest)) == len(points)


def test_highdicom_gives_the_masks_back(written):
    seg = hd.seg.segread(written.folder / "seg.dcm")
    volume = seg.get_volume()
    back = np.asarray(volume.array).astype(bool)
    for i, (lesion, mask) in enumerate(list(zip(written.result.lesions, written.result.masks, strict=True))[:2]):
        assert int(back[..., i].sum()) == int(mask.sum())
        centre = volume.map_indices_to_reference(np.argwhere(back[..., i]).mean(0)[None])[0]
        assert np.allclose(centre, written.ct.geometry.middle_lps(mask, lesion.label_box), atol=0.01)


def test_each_frame_names_the_source_slice_in_its_plane(written):
    seg = written.read("seg")
    normal = np.reshape(written.ct.geometry.direction, (3, 3))[:, 2]
    slices = [s for path in written.series.iterdir() for s in dicom_headers.slices(path)]
    places = {s.uid: np.dot(s.position_lps, normal) for s in slices}
    for groups in seg.PerFrameFunctionalGroupsSequence:
        here = np.dot(np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float), normal)
        derivation = groups.DerivationImageSequence
        if written.form == UNEVEN:  # planes between the slices: the series alone is named
            assert len(derivation) == 0
            continue
        (source,) = derivation[0].SourceImageSequence
        frame = source.get("ReferencedFrameNumber")
        uid = f"{source.ReferencedSOPInstanceUID}/{None if frame is None else frame - 1}"
        assert places[uid] == pytest.approx(here, abs=0.01)
        assert source.SpatialLocationsPreserved == ("NO" if written.form == "tilted" else "YES")
    referred = {item.ReferencedSOPInstanceUID for item in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert referred == {s.uid.partition("/")[0] for s in slices}


def test_patient_study_and_frame_of_reference_are_the_sources(written):
    source, seg = pydicom.dcmread(next(written.series.iterdir())), written.read("seg")
    same = {*case.STUDY} - {"Manufacturer"} | {"StudyInstanceUID", "FrameOfReferenceUID"}
    assert [k for k in same if str(source[k].value) != str(seg[k].value)] == []
    assert seg.SeriesInstanceUID != source.SeriesInstanceUID


def test_dciodvfy_finds_no_error(written):
    for path in sorted(written.folder.iterdir()):
        assert case.dciodvfy(path) == [], path.name


def test_a_segment_says_what_it_is_and_who_made_it(plain):
    seg = plain.read("seg")
    first, second = seg.SegmentSequence
    assert (seg.SegmentationType, first.SegmentLabel, second.SegmentLabel) == ("BINARY", "Lesion 1", "Lesion 3")
    assert [first.SegmentedPropertyTypeCodeSequence[0].CodeValue] == ["27925004"]
    region = first.AnatomicRegionSequence[0]
    assert (region.CodeValue, region.AnatomicRegionModifierSequence[0].CodeValue) == ("39607008", "7771000")
    assert "AnatomicRegionModifierSequence" not in second.AnatomicRegionSequence[0]  # its side is not known
    algorithm = first.SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmName == "LungTumorSeg" and algorithm.AlgorithmVersion.endswith("Model 1.2")
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
    assert [s.TrackingID for s in seg.SegmentSequence] == ["LungTumorSeg_1", "LungTumorSeg_3"]


def test_it_says_that_nobody_has_reviewed_it(plain):
    for kind in ("seg", "probability", "sr"):
        assert "RESEARCH USE ONLY, not reviewed" in plain.read(kind).SeriesDescription
    assert plain.read("seg").ContentLabel == "RESEARCH_USE"
    assert plain.read("seg").ContentDescription == "RESEARCH USE ONLY, not reviewed"


def test_a_mass_is_called_so(tmp_path):
    made = case.write(tmp_path, kinds=["seg"])
    types = [s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in made.read("seg").SegmentSequence]
    assert types == ["27925004", "4147007"]  # 12 mm, 31 mm
    assert [path.name for path in made.folder.iterdir()] == ["seg.dcm"]


def test_what_a_person_pointed_at_or_edited_is_semiautomatic(tmp_path):
    def clicked(result):
        lesion = result.lesions[0]
        point = tuple(result.geometry.middle_lps(result.masks[0], lesion.label_box).tolist())
        candidate = Candidate(lesion.label_box, np.full(lesion.label_box.shape, 200, np.uint8), point)
        other = replace(result.lesions[2], status=Status.ACCEPTED)
        return replace(result, candidates=(candidate,), lesions=(lesion, result.lesions[1], other))

    made = case.write(tmp_path, kinds=["seg"], change=clicked)
    kinds = [s.SegmentAlgorithmType for s in made.read("seg").SegmentSequence]
    assert kinds == ["SEMIAUTOMATIC", "SEMIAUTOMATIC", "AUTOMATIC"]  # clicked, edited, neither


def test_tracking_uids_are_those_of_the_outline_and_the_series(plain, tmp_path):
    def uids(written):
        return {s.SegmentLabel: s.TrackingUID for s in written.read("seg").SegmentSequence}

    def smaller(result):
        result = case.without_overlap(result)
        mask = result.masks[0].copy()
        mask[1, 1, 1] = False
        return replace(result, masks=(mask, result.masks[1]))

    again = case.write(tmp_path / "again", change=case.without_overlap)
    assert uids(again) == uids(plain)
    assert again.read("seg").SOPInstanceUID != plain.read("seg").SOPInstanceUID
    changed = uids(case.write(tmp_path / "changed", change=smaller, kinds=["seg"]))
    assert changed["Lesion 1"] != uids(plain)["Lesion 1"] and changed["Lesion 3"] == uids(plain)["Lesion 3"]
    other = uids(
        case.write(tmp_path / "other", change=case.without_overlap, SeriesInstanceUID="1.2.3.4", kinds=["seg"])
    )
    assert not set(other.values()) & set(uids(plain).values())


def test_the_probability_is_that_of_the_candidates_of_reported_lesions(plain):
    seg = plain.read("probability")
    assert (seg.SegmentationType, seg.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert seg.MaximumFractionalValue == 255 and case.dciodvfy(plain.folder / "probability.dcm") == []
    shown = np.zeros(plain.ct.geometry.shape_zyx, np.uint8)
    for candidate in plain.result.candidates:
        place = shown[candidate.box.slices]
        np.maximum(place, probability_object.own_part(candidate, plain.result), out=place)
    assert int(seg.pixel_array.sum()) == int(shown.sum()) > 0
    points = case.frame_points(seg)[1]
    wanted = plain.ct.geometry.lps(np.argwhere(shown))
    assert len(points) == len(wanted) and KDTree(wanted).query(points)[0].max() < 0.01


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        ((Status.ACCEPTED, Status.ACCEPTED), [10] * 8),
        ((Status.ACCEPTED, Status.REJECTED), [10] * 4 + [0] * 4),
        ((Status.REJECTED, Status.REJECTED), [0] * 8),
    ],
)
def test_of_a_candidate_only_what_is_nearer_to_a_reported_lesion_counts(plain, statuses, kept):
    candidate = Candidate(Box((5, 6, 10), (6, 7, 18)), np.full((1, 1, 8), 10, np.uint8))
    boxes = Box((5, 6, 10), (6, 7, 12)), Box((5, 6, 16), (6, 7, 18))
    lesions = tuple(
        replace(plain.result.lesions[0], id=i, label_box=box, status=status)
        for i, (box, status) in enumerate(zip(boxes, statuses, strict=True), 1)
    )
    masks = tuple(np.ones(box.shape, bool) for box in boxes)
    result = replace(plain.result, lesions=lesions, masks=masks, less_likely=(), less_likely_masks=())
    assert probability_object.own_part(candidate, result).ravel().tolist() == kept


def test_simpleitk_reads_the_pixels_but_not_the_grid(plain):
    # GDCM shows a segmentation's frames as one stack and does not read the functional groups: docs/dicom.md says so
    image = sitk.ReadImage(str(plain.folder / "probability.dcm"))
    assert np.array_equal(sitk.GetArrayFromImage(image), plain.read("probability").pixel_array)
    assert image.GetSpacing() != pytest.approx(plain.ct.geometry.spacing_xyz)

"""The report (TID 1500): its measurements, what it refers to, and who made it."""

import highdicom as hd
import pytest
from LungTumorSegLib.dicom_out import export, identity
from pydicom.sr.codedict import codes

from Testing.support import dicom_out_case as case


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return case.write(tmp_path_factory.mktemp("report"), change=case.without_overlap)


@pytest.fixture(scope="module")
def groups(written):
    report = hd.sr.srread(written.folder / "sr.dcm")
    assert isinstance(report, hd.sr.Comprehensive3DSR)
    return report.content.get_volumetric_roi_measurement_groups()


def _value(group, name):
    (measurement,) = group.get_measurements(name=name)
    return float(measurement.value), measurement.unit.value


def test_each_lesion_has_its_measurements_with_units(written, groups):
    assert len(groups) == len(written.result.lesions) == 2
    for group, lesion in zip(groups, written.result.lesions, strict=True):
        assert _value(group, codes.SCT.Volume) == (pytest.approx(lesion.volume_mm3, abs=0.01), "mm3")
        assert _value(group, codes.SCT.LongAxis) == (pytest.approx(lesion.long_axis_mm, abs=0.01), "mm")
        assert _value(group, codes.SCT.ShortAxis) == (pytest.approx(lesion.short_axis_mm, abs=0.01), "mm")
        assert _value(group, codes.DCM.AttenuationCoefficient) == (pytest.approx(lesion.mean_hu, abs=0.1), "[hnsf'U]")
        (attenuation,) = group.get_measurements(name=codes.DCM.AttenuationCoefficient)
        assert attenuation.derivation == codes.SCT.Mean


def test_each_lesion_is_in_the_lung_and_on_its_side(groups):
    sites = [group.finding_sites[0] for group in groups]
    assert [site.value for site in sites] == [codes.SCT.Lung] * 2
    sides = [[item.value for item in site.get("ContentSequence", [])] for site in sites]
    assert sides == [[codes.SCT.Left], []]
    assert [group.finding_type for group in groups] == [codes.SCT.Nodule] * 2


def test_each_lesion_refers_to_its_segment_by_the_same_tracking_ids(written, groups):
    seg = written.read("seg")
    for group, segment in zip(groups, seg.SegmentSequence, strict=True):
        assert (group.tracking_identifier, group.tracking_uid) == (segment.TrackingID, segment.TrackingUID)
        reference = group.referenced_segment
        item = reference[0].ReferencedSOPSequence[0]
        assert item.ReferencedSOPInstanceUID == seg.SOPInstanceUID
        assert item.ReferencedSegmentNumber == segment.SegmentNumber
    report = written.read("sr")
    evidence = {
        instance.ReferencedSOPInstanceUID: series.SeriesInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert evidence[seg.SOPInstanceUID] == seg.SeriesInstanceUID
    assert len({seg.SeriesInstanceUID, report.SeriesInstanceUID, written.ct.source["series_uid"]}) == 3


def test_it_is_unverified_and_preliminary(written):
    report = written.read("sr")
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


def _texts(item, found):
    for child in item.get("ContentSequence", []):
        name = child.ConceptNameCodeSequence[0].CodeValue
        value = next((str(child[k].value) for k in ("TextValue", "UID") if k in child), None)
        if value is not None:
            found.setdefault(name, set()).add(value)
        _texts(child, found)
    return found


@pytest.mark.parametrize("kind", ["seg", "probability", "sr"])
def test_the_equipment_is_that_of_the_reports_algorithm(written, kind):
    # IHE AIR 1.3, 6.5.3.1: the values of Contributing Equipment are those of TID 1004 and 4019
    items = written.read(kind).ContributingEquipmentSequence
    (own,) = [item for item in items if item.get("ManufacturerModelName") == identity.NAME]
    assert own.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    texts = _texts(written.read("sr"), {})
    assert texts["111001"] == texts["121015"] == {own.ManufacturerModelName}
    assert texts["111003"] == {own.SoftwareVersions}
    assert texts["121012"] == {own.DeviceUID}
    assert texts["122405"] == texts["121014"] == {own.Manufacturer}


def test_another_model_is_another_device(written):
    def uid(**changes):
        return identity.device_uid(written.result.model | changes)

    assert uid() == uid() != uid(checksum="another")


def test_a_reviewed_result_says_so(written, tmp_path):
    objects = export.prepare(written.ct, ["seg", "sr"])
    for path in objects.write(tmp_path, written.result, reviewed=True):
        assert "RESEARCH USE ONLY, reviewed" in case.pydicom.dcmread(path).SeriesDescription

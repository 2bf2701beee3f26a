"""The lesions' measurements as a Comprehensive 3D SR: TID 1500, a group of TID 1411 for each lesion."""

from collections.abc import Sequence

import highdicom as hd
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ..data import Lesion, Result
from ..lesions import terminology
from . import identity
from .segmentation_object import reported, to_code
from .source_images import UTF_8

SERIES_NUMBER = 9003


def make(
    result: Result,
    images: Sequence[Dataset],
    segmentation: hd.seg.Segmentation,
    remark: str = identity.REMARK,
) -> sr.Comprehensive3DSR:
    """The report of `reported`, of which there is at least one.

    Each lesion has volume (mm3), long and short axis (mm), mean attenuation (HU), site and side. Unverified and
    preliminary: a person has to look at it first.

    Args:
        images: Of `source_images.of`.
        segmentation: The lesions' object, to which the report refers.
        remark: Of `identity`, whether a person reviewed the result.
    """
    groups = [
        _group(segment, result, lesion, segmentation)
        for segment, (lesion, _) in zip(segmentation.SegmentSequence, reported(result), strict=True)
    ]
    content = sr.MeasurementReport(
        observation_context=_observer(result),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
    )
    made = sr.Comprehensive3DSR(
        evidence=[*images, segmentation],
        content=content,
        series_instance_uid=hd.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=identity.MANUFACTURER,
        manufacturer_model_name=identity.NAME,
        software_versions=identity.version(result.model),
        device_serial_number=identity.serial_number(result.model),
        series_description=f"{identity.NAME} report, {remark}",
        is_complete=True,
        is_final=False,
        is_verified=False,
        contributing_equipment=[identity.equipment(result.model)],
    )
    made.SpecificCharacterSet = UTF_8
    return made


def _observer(result: Result) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=identity.device_uid(result.model),
        name=identity.NAME,
        manufacturer_name=identity.MANUFACTURER,
        model_name=identity.NAME,
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device))


def _group(
    segment: Dataset, result: Result, lesion: Lesion, segmentation: hd.seg.Segmentation
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    code = {what: to_code(*texts) for what, texts in terminology.codes(lesion).items()}
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=segment.TrackingUID, identifier=segment.TrackingID),
        referenced_segment=sr.ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            segment.SegmentNumber,
            source_series=sr.SourceSeriesForSegmentation(segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID),
        ),
        finding_category=code["category"],
        finding_type=code["type"],
        finding_sites=[sr.FindingSite(code["region"], laterality=code.get("side"))],
        algorithm_id=_algorithm(result),
        measurements=[
            sr.Measurement(codes.SCT.Volume, round(lesion.volume_mm3, 2), codes.UCUM.CubicMillimeter),
            sr.Measurement(codes.SCT.LongAxis, round(lesion.long_axis_mm, 2), codes.UCUM.Millimeter),
            sr.Measurement(codes.SCT.ShortAxis, round(lesion.short_axis_mm, 2), codes.UCUM.Millimeter),
            sr.Measurement(
                codes.DCM.AttenuationCoefficient,
                round(lesion.mean_hu, 1),
                codes.UCUM.HounsfieldUnit,
                derivation=codes.SCT.Mean,
            ),
        ],
    )


def _algorithm(result: Result) -> sr.AlgorithmIdentification:
    """TID 4019 with its two newer rows, which highdicom of Slicer (0.27) does not know."""
    relation = sr.RelationshipTypeValues.HAS_CONCEPT_MOD
    manufacturer = sr.CodedConcept("122405", "DCM", "Algorithm Manufacturer")
    family = sr.CodedConcept("111000", "DCM", "Algorithm Family")
    made = sr.AlgorithmIdentification(identity.NAME, identity.version(result.model))
    made.append(sr.TextContentItem(manufacturer, identity.MANUFACTURER, relation))
    made.append(sr.CodeContentItem(family, identity.FAMILY, relation))
    return made

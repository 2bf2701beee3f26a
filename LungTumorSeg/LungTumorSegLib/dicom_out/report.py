"""The lesions' measurements as a Comprehensive 3D SR: TID 1500, a group of TID 1411 for each lesion."""

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ..data import CT, Lesion, Result
from ..lesions import terminology
from . import identity
from .segmentation_object import reported, to_code

SERIES_NUMBER = 9003


def make(
    result: Result,
    ct: CT,
    images: Sequence[Dataset],
    segmentation: hd.seg.Segmentation,
    remark: str = identity.REMARK,
) -> sr.Comprehensive3DSR:
    """The report of `reported`, of which there is at least one. segmentation: their object, to which it refers.

    Each lesion has volume (mm3), long and short axis (mm), mean attenuation (HU), site and side. Unverified and
    preliminary: a person has to look at it first.
    """
    groups = [
        _group(number, result, ct, lesion, mask, segmentation)
        for number, (lesion, mask) in enumerate(reported(result), 1)
    ]
    content = sr.MeasurementReport(
        observation_context=_observer(result),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
    )
    return sr.Comprehensive3DSR(
        evidence=[*images, segmentation],
        content=content,
        series_instance_uid=hd.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=identity.MANUFACTURER,
        manufacturer_model_name=identity.NAME,
        software_versions=identity.version(result),
        device_serial_number="1",
        series_description=f"{identity.NAME} report, {remark}",
        is_complete=True,
        is_final=False,
        is_verified=False,
        specific_character_set="ISO_IR 192",
        contributing_equipment=[identity.equipment(result)],
    )


def _observer(result: Result) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=identity.device_uid(result),
        name=identity.NAME,
        manufacturer_name=identity.MANUFACTURER,
        model_name=identity.NAME,
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device))


def _group(
    number: int, result: Result, ct: CT, lesion: Lesion, mask: np.ndarray, segmentation: hd.seg.Segmentation
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    code = {what: to_code(*texts) for what, texts in terminology.codes(lesion).items()}
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=identity.tracking_uid(ct, lesion, mask), identifier=identity.tracking_id(lesion)
        ),
        referenced_segment=sr.ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            number,
            source_series=sr.SourceSeriesForSegmentation(segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID),
        ),
        finding_category=code["category"],
        finding_type=code["type"],
        finding_sites=[sr.FindingSite(code["region"], laterality=code.get("side"))],
        algorithm_id=sr.AlgorithmIdentification(
            identity.NAME, identity.version(result), family=identity.FAMILY, manufacturer=identity.MANUFACTURER
        ),
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

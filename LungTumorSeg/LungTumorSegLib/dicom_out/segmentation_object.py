"""The lesions as a DICOM Segmentation: BINARY, one segment each, on the CT's grid."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ..data import CT, Lesion, Result
from ..enums import Status
from ..errors import InputError
from ..geometry import Box, Geometry, shared_voxels
from ..lesions import terminology
from . import identity
from .source_images import UTF_8

LABEL = "RESEARCH_USE"  # a CS holds 16 characters, capitals and no comma; the description has the whole sentence
SERIES_NUMBER = 9001
_LO = 64

Outline = tuple[Lesion, np.ndarray]


def reported(result: Result) -> list[Outline]:
    """The lesions that objects speak of: listed and not rejected.

    Returns:
        Lesions with their masks (bool, z y x), in the table's order.
    """
    pairs = zip(result.lesions, result.masks, strict=True)
    return [(lesion, mask) for lesion, mask in pairs if lesion.status != Status.REJECTED]


def make(
    result: Result,
    ct: CT,
    images: Sequence[Dataset],
    names: Mapping[int, str] | None = None,
    drawn: Collection[int] = (),
    remark: str = identity.REMARK,
) -> hd.seg.Segmentation:
    """The object of `reported`, of which there is at least one.

    Frames lie in the planes of the CT's grid, which are those of the source slices unless these were unevenly spaced;
    each names its source slice there. With a tilted gantry they are wider than the slices: the straight grid is.

    Args:
        images: Of `source_images.of`.
        names: As in `result_files.save`.
        drawn: As in `result_files.save`.
        remark: Of `identity`, whether a person reviewed the result.
    """
    outlines = reported(result)
    segments = [
        _description(number, result, images[0].SeriesInstanceUID, outline, names, outline[0].id in drawn)
        for number, outline in enumerate(outlines, 1)
    ]
    volume = to_volume(*_voxels(outlines, ct.geometry), ct.geometry, images)
    return make_object(result.model, images, volume, segments, "BINARY", SERIES_NUMBER, "segmentation", remark)


def trial(ct: CT, images: Sequence[Dataset]) -> None:
    """Make an object of one voxel, to see whether there can be any.

    Args:
        images: Of `source_images.of`.

    Raises:
        InputError: The headers of the images stop any object.
    """
    box = planes([Box((0, 0, 0), (1, 1, 1))], ct.geometry)
    voxels = np.zeros(box.shape, np.uint8)
    voxels[0, 0, 0] = 1
    segment = hd.seg.SegmentDescription(
        1, "trial", codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Nodule, "MANUAL"
    )
    volume = to_volume(voxels, box, ct.geometry, images)
    try:
        make_object({}, images, volume, [segment], "BINARY", 1, "trial", "")
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # not its text, which may hold a name
        raise InputError(
            f"No DICOM object can be made from {ct.name}: the headers of its files are not as the standard has them. "
            "Export the series again, or write no DICOM objects."
        ) from error


def make_object(
    model: dict,
    images: Sequence[Dataset],
    volume: hd.Volume,
    segments: Sequence[hd.seg.SegmentDescription],
    kind: str,
    series_number: int,
    what: str,
    remark: str,
) -> hd.seg.Segmentation:
    """A Segmentation object with what is the same in each of ours.

    Args:
        model: `Result.model`.
        images: Of `source_images.of`.
        volume: Of `to_volume`.
        kind: ``BINARY`` or ``FRACTIONAL``.
        what: A word for the series description.
        remark: Behind that word, and the object's description.
    """
    # several multi-frame files (a concatenation): highdicom looks for planes in one alone
    multi_frame = "NumberOfFrames" in images[0]
    made = hd.seg.Segmentation(
        source_images=images[:1] if multi_frame else images,
        further_source_images=images[1:] if multi_frame else None,
        pixel_array=volume,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=hd.UID(),
        series_number=series_number,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=identity.MANUFACTURER,
        manufacturer_model_name=identity.NAME,
        software_versions=identity.version(model),
        device_serial_number=identity.serial_number(model),
        content_label=LABEL,
        content_description=remark,
        series_description=f"{identity.NAME} {what}, {remark}"[:_LO],
        contributing_equipment=[identity.equipment(model)],
    )
    made.SpecificCharacterSet = UTF_8
    return made


def to_volume(voxels: np.ndarray, box: Box, geometry: Geometry, images: Sequence[Dataset]) -> hd.Volume:
    """highdicom's volume of an array. Its axes are slices, rows, columns.

    Args:
        voxels: (z, y, x), or (z, y, x, segment), that fills ``box``.
        box: Of the CT's grid.
        geometry: The CT's grid.
        images: Of `source_images.of`; the first one names the frame of reference.
    """
    affine = geometry.crop(box).affine[:, [2, 1, 0, 3]]
    uid = images[0].FrameOfReferenceUID
    channels: Any = {"SegmentNumber": range(1, voxels.shape[3] + 1)} if voxels.ndim == 4 else None
    return hd.Volume(voxels, affine, "PATIENT", frame_of_reference_uid=uid, channels=channels)


def planes(boxes: Sequence[Box], geometry: Geometry) -> Box:
    """The slices in which boxes lie and one more on each side, which tells the spacing."""
    rows = (0, geometry.shape_zyx[1]), (0, geometry.shape_zyx[2])
    start, stop = min(box.start[0] for box in boxes), max(box.stop[0] for box in boxes)
    return Box.of_pairs([(max(0, start - 1), min(geometry.shape_zyx[0], stop + 1)), *rows])


def _voxels(outlines: Sequence[Outline], geometry: Geometry) -> tuple[np.ndarray, Box]:
    """The segments' numbers, or where lesions share voxels (outlines drawn by hand) a channel for each segment."""
    box = planes([lesion.label_box for lesion, _ in outlines], geometry)
    shared = any(
        shared_voxels(a.label_box, a_mask, b.label_box, b_mask)
        for i, (a, a_mask) in enumerate(outlines)
        for b, b_mask in outlines[:i]
    )
    if shared:
        voxels = np.zeros((*box.shape, len(outlines)), np.uint8)
    else:
        voxels = np.zeros(box.shape, np.uint16 if len(outlines) > 255 else np.uint8)
    for i, (lesion, mask) in enumerate(outlines):
        place = voxels[lesion.label_box.inside(box).slices]
        if shared:
            place[..., i][mask] = 1
        else:
            place[mask] = i + 1
    return voxels, box


def _description(
    number: int, result: Result, series_uid: str, outline: Outline, names: Mapping[int, str] | None, drawn: bool
) -> hd.seg.SegmentDescription:
    lesion, mask = outline
    code = {what: to_code(*texts) for what, texts in terminology.codes(lesion).items()}
    semi = identity.is_semiautomatic(result, lesion, mask, drawn)
    made = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=" ".join(terminology.name(lesion, names).replace("\\", "/").split())[:_LO],
        segmented_property_category=code["category"],
        segmented_property_type=code["type"],
        algorithm_type="SEMIAUTOMATIC" if semi else "AUTOMATIC",
        algorithm_identification=identity.algorithm_sequence(result.model),
        tracking_uid=identity.tracking_uid(series_uid, lesion, mask),
        tracking_id=identity.tracking_id(lesion),
        anatomic_regions=[code["region"]],
        display_color=hd.color.CIELabColor.from_rgb(*(255 * c for c in terminology.color(lesion))),
    )
    if "side" in code:
        made.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [code["side"]]
    return made


def to_code(scheme: str, value: str, meaning: str) -> hd.sr.CodedConcept:
    """A code of `terminology.codes`, as highdicom has it."""
    return hd.sr.CodedConcept(value, scheme, meaning)

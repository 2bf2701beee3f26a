"""Who made an object, and which lesion it speaks of: the same words in segmentation and report."""

import hashlib

import highdicom as hd
import numpy as np
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from .. import __version__
from ..data import Lesion, Result
from ..enums import Status
from ..lesions import terminology

REMARK = "RESEARCH USE ONLY, not reviewed"
REVIEWED = "RESEARCH USE ONLY, reviewed"
MANUFACTURER = "LungTumorSeg project"
NAME = terminology.ALGORITHM
FAMILY = codes.DCM.ArtificialIntelligence
_NEAR_MM = 3.0  # a click so near to an outline belongs to it, as in the click rule


def version(model: dict) -> str:
    """Of program and model, at most the 64 characters of an LO.

    Args:
        model: `Result.model`.
    """
    return terminology.algorithm_name(model).removeprefix(f"{NAME} ")


def device_uid(model: dict) -> str:
    """Another one for another model, as IHE AIR 6.5.3.1 asks: made from program, its version, and model's checksum."""
    return _uid(f"{NAME} {__version__}", str(model.get("checksum", "")))


def serial_number(model: dict) -> str:
    """A program has none: the beginning of the model's checksum."""
    return str(model.get("checksum", "unknown"))[:16]


def tracking_uid(series_uid: str, lesion: Lesion, mask: np.ndarray) -> str:
    """Made from series and outline: the same voxels of the same series always have the same one, others never.

    Args:
        series_uid: Of the CT.
        mask: bool (z, y, x), fills the lesion's ``label_box``.
    """
    place = np.array(lesion.label_box.pairs, "<i4").tobytes()
    return _uid(series_uid, place, np.packbits(mask).tobytes())


def tracking_id(lesion: Lesion) -> str:
    """The segment's id in every other file."""
    return terminology.segment_id(lesion)


def is_semiautomatic(result: Result, lesion: Lesion, mask: np.ndarray, drawn: bool = False) -> bool:
    """Whether a person pointed at the lesion, edited or drew it.

    A click that is at most 3 mm from the outline's voxels belongs to it, as in the click rule.

    Args:
        mask: bool (z, y, x), fills the lesion's ``label_box``.
        drawn: The outline was drawn by hand.
    """
    if drawn or lesion.status == Status.EDITED:
        return True
    clicks = [c.point_lps for c in result.candidates if c.point_lps is not None]
    inside = result.geometry.lps(np.argwhere(mask) + lesion.label_box.start) if clicks else np.empty((0, 3))
    return any(np.linalg.norm(inside - point, axis=1).min() <= _NEAR_MM for point in clicks)


def algorithm_sequence(model: dict) -> hd.AlgorithmIdentificationSequence:
    """Of a segment."""
    return hd.AlgorithmIdentificationSequence(NAME, FAMILY, version(model), MANUFACTURER)


def equipment(model: dict) -> hd.ContributingEquipment:
    """An item of the Contributing Equipment Sequence."""
    item = hd.ContributingEquipment(
        MANUFACTURER, codes.DCM.ProcessingEquipment, manufacturer_model_name=NAME, software_versions=version(model)
    )
    item.DeviceUID = device_uid(model)
    return item


def _uid(*parts: str | bytes) -> str:
    """A UID from a UUID (2.25, PS3.5 B.2) that is made from the parts' SHA-256."""
    made = hashlib.sha256(b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)).digest()
    return UID(f"2.25.{int.from_bytes(made[:16])}")

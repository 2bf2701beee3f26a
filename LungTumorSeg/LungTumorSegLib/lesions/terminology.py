"""What a lesion is called, in Slicer's and DICOM's words: name, colour, terminology entry and algorithm tags.

The codes are those of Slicer's "DICOM master list" (DICOM CID 7150 and 7159, SNOMED CT).
"""

import unicodedata
from collections.abc import Mapping

from .. import __version__
from ..data import Lesion
from ..enums import Side, Status
from ..geometry import triple

ALGORITHM = "LungTumorSeg"
STATUS_TAG = f"{ALGORITHM}.status"

# Where a lung opacity stops being a nodule: Fleischner Society glossary, Bankier et al., Radiology 310:e232558, 2024
MASS_FROM_MM = 30.0

_TYPES_CONTEXT = "Segmentation category and type - DICOM master list"
_ANATOMY_CONTEXT = "Anatomic codes - DICOM master list"
_CATEGORY = "SCT^49755003^Morphologically Altered Structure"
_NODULE = "SCT^27925004^Nodule"
_MASS = "SCT^4147007^Mass"
_LUNG = "SCT^39607008^Lung"
_SIDES = {Side.RIGHT: "SCT^24028007^Right", Side.LEFT: "SCT^7771000^Left"}
_NONE = "^^"

# Okabe and Ito's palette without black, told apart by colour-blind readers as well; red-orange first
_COLORS = (
    (0.835, 0.369, 0.000),
    (0.337, 0.706, 0.914),
    (0.941, 0.894, 0.259),
    (0.000, 0.620, 0.451),
    (0.800, 0.475, 0.655),
    (0.902, 0.624, 0.000),
    (0.000, 0.447, 0.698),
)
_REJECTED_COLOR = (0.6, 0.6, 0.6)


def segment_id(lesion: Lesion) -> str:
    """The segment's id, the same for the same lesion in the scene and in every file."""
    return f"{ALGORITHM}_{lesion.id}"


def name(lesion: Lesion, names: Mapping[int, str] | None = None) -> str:
    """What the user called it (``names`` by lesion id), else its number."""
    return (names or {}).get(lesion.id) or f"Lesion {lesion.id}"


def color(lesion: Lesion) -> tuple[float, float, float]:
    """Red, green, blue, 0 to 1; grey of a rejected one."""
    if lesion.status == Status.REJECTED:
        return _REJECTED_COLOR
    return _COLORS[(lesion.id - 1) % len(_COLORS)]


def entry(lesion: Lesion) -> str:
    """The terminology entry as Slicer writes it: category, type and modifier, then region and its side.

    A lesion whose long axis is over 30 mm is a mass, else a nodule. Never "neoplasm": that is for pathology to say.
    """
    side = _SIDES.get(lesion.side, _NONE)
    return "~".join((_TYPES_CONTEXT, _CATEGORY, _kind(lesion), _NONE, _ANATOMY_CONTEXT, _LUNG, side))


def codes(lesion: Lesion) -> dict[str, tuple[str, str, str]]:
    """The lesion's terminology (`entry`) as DICOM's codes.

    Returns:
        (scheme, value, meaning) of category, type, region, and side where it is known.
    """
    texts = {"category": _CATEGORY, "type": _kind(lesion), "region": _LUNG}
    if lesion.side in _SIDES:
        texts["side"] = _SIDES[lesion.side]
    return {name: triple(text.split("^")) for name, text in texts.items()}


def _kind(lesion: Lesion) -> str:
    return _MASS if lesion.long_axis_mm > MASS_FROM_MM else _NODULE


def algorithm_name(model: dict) -> str:
    """Program and model with their versions, at most the 64 characters of DICOM's Segment Algorithm Name (LO).

    Args:
        model: `Result.model`.

    Returns:
        ASCII without the marks that separate values in DICOM and tags in a seg.nrrd, whose header takes no other
            letters.
    """
    text = f"{ALGORITHM} {__version__} {model.get('name', '')} {model.get('version', '')}"
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(plain.replace("\\", " ").replace("|", " ").split())[:64]


def tags(lesion: Lesion, model: dict, drawn: bool = False) -> dict[str, str]:
    """The segment's tags: terminology, status, and that a program made it, so that a DICOM export does not say MANUAL.

    Args:
        lesion: One that the user edited is SEMIAUTOMATIC.
        model: `Result.model`.
        drawn: The user drew it: it is SEMIAUTOMATIC whatever its status says.
    """
    return {
        "TerminologyEntry": entry(lesion),
        "DICOM.SegmentAlgorithmType": "SEMIAUTOMATIC" if drawn or lesion.status == Status.EDITED else "AUTOMATIC",
        "DICOM.SegmentAlgorithmName": algorithm_name(model),
        STATUS_TAG: lesion.status,
    }

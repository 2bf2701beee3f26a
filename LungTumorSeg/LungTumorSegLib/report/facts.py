"""What the report says of CT and model beside the lesions."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from ..data import CT, Result
from ..errors import ModelError, UnreadableError
from ..model import limits
from ..model.bundle import CARD, Bundle, default_path
from ..model.card import Card, parse

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate")


def ct_facts(ct: CT) -> dict[str, Any]:
    """Grid, what the file says of the series (not of the patient), and the SHA-256 of the voxels (HU, stored order)."""
    nz, ny, nx = ct.geometry.axial().shape_zyx
    dz, dy, dx = ct.geometry.axial().spacing_zyx
    source = ct.source
    return {
        "name": ct.name,
        "format": source.get("format", ""),
        "slices": nz,
        "rows": ny,
        "columns": nx,
        "step_mm": dz,
        "pixel_mm": (dy, dx),
        "thickness_mm": source.get("slice_thickness_mm"),
        "kernel": source.get("kernel") or "",
        "description": source.get("description") or "",
        "series_number": source.get("series_number"),
        "series_uid": source.get("series_uid") or "",
        "sha256": hashlib.sha256(np.ascontiguousarray(ct.voxels_zyx)).hexdigest(),
    }


def patient(ct: CT) -> dict[str, str]:
    """Who the CT is of and where it lies, for reports that shall name the patient.

    Returns:
        Texts by the keywords of DICOM, and ``path``. Empty values are left out. Of a CT that was not read from DICOM,
            its path alone.

    Raises:
        UnreadableError: The CT's files are gone or damaged.
    """
    found = {"path": str(ct.source.get("path") or "")}
    if ct.frames:
        file = ct.frames[0][0]
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_PATIENT), force=True)
            texts = {keyword: str(header.get(keyword) or "") for keyword in _PATIENT}
        except Exception as error:  # whatever pydicom's parsers raise on damaged bytes
            raise UnreadableError(
                f"The report shall name the patient, and the DICOM file {file.name} cannot be read any more. "
                "Give the series again, or write the report without the name."
            ) from error
        found |= texts | {"PatientName": " ".join(texts["PatientName"].replace("^", " ").split())}
    return {key: text for key, text in found.items() if text}


@dataclass(frozen=True)
class ModelFacts:
    """What a model's card says.

    Attributes:
        values: All of its ``model.json``.
    """

    card: Card
    values: dict[str, Any]

    @property
    def patients(self) -> dict[str, int]:
        """Number by role (train, val, test, ...); empty where the card does not say."""
        return dict(self.values.get("data", {}).get("patients", {}))

    @property
    def licence(self) -> str:
        """Of the data that the model was made from; empty where the card does not say."""
        return str(self.values.get("data", {}).get("licence", ""))

    @property
    def figures(self) -> list[dict[str, Any]]:
        """Those of the evaluation that have a number of cases or an interval: what, value, n, interval95."""
        bars = self.values.get("figures", {}).get("bars", [])
        return [bar for bar in bars if bar.get("n") or bar.get("interval95")]


def model_facts(result: Result) -> ModelFacts | None:
    """What the card says of the model that made a result.

    Returns:
        None where that model is not at hand any more.
    """
    folder = Path(result.options.model or default_path())
    try:
        values = json.loads((folder / CARD).read_text("utf-8"))
        card = parse(values, folder / CARD)
    except (OSError, ValueError, ModelError):
        return None
    if Bundle(folder, card).checksum != result.model.get("checksum"):
        return None
    return ModelFacts(card, values)


def notes(ct: CT, result: Result, model: ModelFacts | None) -> list[str]:
    """Sentences of reading, model and run, each once.

    Args:
        model: Of `model_facts`. Without it nothing is said of a grid that the model was not made for.
    """
    unusual = limits.outside(ct.geometry, model.card) if model else []
    return list(dict.fromkeys((*ct.source.get("warnings", ()), *unusual, *result.notes)))

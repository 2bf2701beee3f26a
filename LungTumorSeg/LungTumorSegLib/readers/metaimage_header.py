"""The header of a MetaImage, looked at before ITK reads where its voxels lie: ITK repairs what must be refused."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import GeometryError, NotACTError
from .problems import check_spacings, damaged, without_sides, without_size

_MATRIX = ("TransformMatrix", "Rotation", "Orientation")
_PLACES = ("Offset", "Position", "Origin", "CenterOfRotation", "ElementSpacing", "ElementSize")
_LPS = ("RAI", "LPS")  # the axes of LPS: ITK names where an axis comes from, others where it goes
_UNKNOWN = ("???", "")
_MM = {"um": 0.001, "cm": 10.0}
_OTHER_MODALITIES = ("MR", "NM", "US")


@dataclass(frozen=True)
class MetaHeader:
    """The header of a MetaImage.

    Attributes:
        fields: as written.
        data: what ElementDataFile says.
        end: where the header ends in the file, in bytes.
    """

    fields: dict[str, str]
    data: str
    end: int

    @property
    def unit_mm(self) -> float:
        """Of spacing and offset. ITK takes them for mm."""
        return _MM.get(self.fields.get("DistanceUnits", "").lower(), 1.0)

    def says(self, *keys: str) -> bool:
        """Whether one of these is true, by its first letter as in ITK."""
        return any(self.fields.get(key, "")[:1] in ("T", "t", "1") for key in keys)


def read(path: Path) -> tuple[MetaHeader, list[str]]:
    """The header, and warnings for the user.

    Raises:
        UnreadableError: damaged.
        GeometryError: no usable voxel size or orientation.
        NotACTError: it says another modality.
    """
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    end = re.search(rb"ElementDataFile\s*=\s*([^\r\n]*)\r?\n?", head)
    if not end:
        raise damaged(path)
    lines = (line.partition("=") for line in head[: end.start()].decode("latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    _check_numbers(path, fields)
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    if spacing is None:
        raise without_size(path)
    try:
        check_spacings(path, [float(s) for s in spacing.split()])
    except ValueError as error:
        raise damaged(path) from error
    modality = fields.get("Modality", "").removeprefix("MET_MOD_")
    if modality in _OTHER_MODALITIES:
        raise NotACTError(f"{path.name} is labelled as {modality}, not as CT (Modality). Give a chest CT.")
    return MetaHeader(fields, os.fsdecode(end[1]).strip(), end.end()), _orientation(path, fields)


def _check_numbers(path: Path, fields: dict) -> None:
    """What ITK (5.4, tried) takes on trust: of NDims = 1e300 or another count of numbers it ends the process."""
    dims, sizes = fields.get("NDims", ""), fields.get("DimSize", "").split()
    if not re.fullmatch(r"[1-9]", dims) or len(sizes) != int(dims):
        raise damaged(path)
    if not all(re.fullmatch(r"[1-9]\d{0,8}", size) for size in sizes):
        raise damaged(path)
    for names, count in ((_MATRIX, int(dims) ** 2), (_PLACES, int(dims))):
        for name in names:
            if name in fields and len(fields[name].split()) != count:
                raise damaged(path)


def _orientation(path: Path, fields: dict) -> list[str]:
    """AnatomicalOrientation says in letters what the matrix says in numbers; ITK and 3D Slicer read the matrix alone.

    Whether a letter tells where an axis comes from or goes to is not agreed on: without a matrix it can't be known.
    """
    letters = fields.get("AnatomicalOrientation", "").upper()
    matrix = next((fields[name] for name in _MATRIX if name in fields), None)
    if matrix is None:
        if letters in _LPS:
            return []
        if letters in _UNKNOWN:
            return [without_sides(path)]
        raise GeometryError(
            f"{path.name} says the orientation {letters} without a TransformMatrix, so left and right can't be told. "
            "Export it again from the original."
        )
    try:
        axes = np.reshape([float(v) for v in matrix.split()], (3, 3))
    except ValueError:
        return []  # of four axes, or damaged: ITK says so
    main = np.abs(axes).argmax(1)
    signs = axes[range(3), main] > 0
    goes = "".join("LPS"[a] if s else "RAI"[a] for a, s in zip(main, signs, strict=True))
    comes = "".join("RAI"[a] if s else "LPS"[a] for a, s in zip(main, signs, strict=True))
    if letters in (goes, comes, *_UNKNOWN):
        return []
    return [
        f"{path.name} says two orientations (AnatomicalOrientation {letters}, TransformMatrix {comes}); the matrix is "
        "used, as in 3D Slicer. Check the sides."
    ]

"""The header of a MetaImage, looked at before ITK reads the file, and its compressed voxels: ITK reads damaged ones as
far as they go."""

import re
import zlib
from pathlib import Path

import numpy as np

from ..errors import GeometryError
from .problems import check_spacings, damaged, without_size

_MATRIX = ("TransformMatrix", "Rotation", "Orientation")
_STRAIGHT = ("RAI", "LPS", "???", "")  # the axes of LPS: ITK names where an axis comes from, others where it goes


def check(path: Path) -> list[str]:
    """Warnings for the user. UnreadableError: damaged. GeometryError: no usable voxel size or orientation."""
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    end = re.search(rb"ElementDataFile\s*=\s*([^\r\n]*)\r?\n?", head)
    if not end:
        raise damaged(path)
    lines = (line.partition("=") for line in head[: end.start()].decode("latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    if spacing is None:
        raise without_size(path)
    try:
        check_spacings(path, [float(s) for s in spacing.split()])
    except ValueError as error:
        raise damaged(path) from error
    if fields.get("CompressedData", "").lower() == "true":
        name = end[1].decode("utf-8", "replace").strip()
        local = name.upper() == "LOCAL"
        _check_zlib(path if local else path.parent / name, end.end() if local else 0)
    return _orientation(path, fields)


def _orientation(path: Path, fields: dict) -> list[str]:
    """AnatomicalOrientation says in letters what the matrix says in numbers; ITK and 3D Slicer read the matrix alone.

    Whether a letter tells where an axis comes from or goes to is not agreed on: without a matrix it can't be known.
    """
    letters = fields.get("AnatomicalOrientation", "").upper()
    matrix = next((fields[name] for name in _MATRIX if name in fields), None)
    if matrix is None:
        if letters in _STRAIGHT:
            return []
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
    if letters in (goes, comes, "???", ""):
        return []
    return [
        f"{path.name} says two orientations (AnatomicalOrientation {letters}, TransformMatrix {comes}); the matrix is "
        "used, as in 3D Slicer. Check the sides."
    ]


def _check_zlib(path: Path, start: int) -> None:
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            whole = zlib.decompressobj(wbits=47)  # zlib or gzip, told by its first bytes
            while not whole.eof and (chunk := stream.read(1 << 20)):
                whole.decompress(chunk)
    except (OSError, zlib.error) as error:
        raise damaged(path) from error
    if not whole.eof:
        raise damaged(path)

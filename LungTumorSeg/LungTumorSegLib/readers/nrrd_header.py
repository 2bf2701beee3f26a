"""The header of an NRRD file: where its voxels lie, and whether they can be used.

ITK is not asked for that. It repairs what must be refused, turns left-anterior-superior by 180 degrees (5.4, tried) and
knows only three of the spaces that a name can say.
"""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ..errors import UnreadableError
from ..geometry import Geometry
from . import data_files
from .problems import check_grey_3d, check_size, check_spacings, damaged, without_sides, without_size

_HEADER_BYTES = 1 << 20  # longer headers are none
# a word of the space's name: the axis of LPS, and the sign along it
_SIDES = {
    "left": (0, 1), "right": (0, -1), "posterior": (1, 1), "anterior": (1, -1), "superior": (2, 1), "inferior": (2, -1),
}  # fmt: skip
_MM = {"cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}  # anything else is taken as mm
_ONE_BYTE = ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t")
_TEXT = ("ascii", "text", "txt", "hex")
_PACKED = ("gz", "gzip", "bz2", "bzip2")
# of a type's name; anything else has 8 or is refused
_BYTES = {"char": 1, "int8": 1, "short": 2, "int16": 2, "int": 4, "int32": 4, "float": 4}


@dataclass(frozen=True)
class NrrdHeader:
    """The header of an NRRD file.

    Attributes:
        fields: as pynrrd reads them.
        end: where the header ends in the file, in bytes.
        files: others with the voxels.
    """

    fields: dict
    end: int
    files: list[Path]

    @property
    def axes(self) -> list[int]:
        """Those of the volume: axes of length one behind the third or before the first are none."""
        sizes = [int(n) for n in self.fields["sizes"]]
        axes = list(range(len(sizes)))
        for end in (-1, 0):
            while len(axes) > 3 and sizes[axes[end]] == 1:
                axes.pop(end)
        return axes

    @property
    def shape_zyx(self) -> tuple[int, ...]:
        """Of these axes."""
        return tuple(int(self.fields["sizes"][axis]) for axis in reversed(self.axes))


def read(path: Path) -> NrrdHeader:
    """The header of a file.

    Raises:
        UnreadableError: damaged, a file with voxels is missing, the byte order is not known.
    """
    import nrrd  # not part of Slicer, which reads files itself

    with path.open("rb") as stream:
        head = stream.read(_HEADER_BYTES)
    blank = re.search(rb"\r?\n\r?\n", head)
    lines = head[: blank.start() if blank else None].decode("utf-8", "surrogateescape").splitlines()
    apart = next((i for i, line in enumerate(lines) if re.match("data ?file:", line, re.IGNORECASE)), None)
    value = "" if apart is None else lines[apart].partition(":")[2].strip()
    listed = lines[apart + 1 :] if apart is not None and data_files.is_list(value) else []
    try:
        fields = dict(nrrd.read_header(_plain(lines[: len(lines) - len(listed)])))
        counts = [len(fields[key]) for key in ("space directions", "spacings", "kinds", "units") if key in fields]
        if {len(fields["sizes"]), *counts} != {fields["dimension"]}:
            raise ValueError("an axis is missing somewhere")
    except Exception as error:  # NRRDError, or whatever pynrrd's parsers raise on damaged bytes
        raise damaged(path) from error
    if "endian" not in fields and fields.get("type") not in _ONE_BYTE and fields.get("encoding") not in _TEXT:
        raise UnreadableError(f"{path.name} doesn't say the byte order of its voxels (endian). Export it again.")
    files = data_files.beside(path, value, listed) if value else []
    return NrrdHeader(fields, blank.end() if blank else len(head), files)


def grid(path: Path, header: NrrdHeader) -> tuple[Geometry, list[str]]:
    """Where the voxels lie.

    Returns:
        The geometry in LPS mm, and warnings for the user.

    Raises:
        GeometryError: not one grey volume, no usable voxel size.
        UnreadableError: damaged.
    """
    fields, shape = header.fields, header.shape_zyx
    colours = len(shape) == 4 and fields.get("kinds", ["domain"] * 4)[header.axes[0]] not in ("domain", "space")
    check_grey_3d(path, shape[-1] if colours else 1, len(shape))
    if any(len(fields[key]) < 3 for key in ("space origin", "space units") if key in fields):
        raise damaged(path)
    units = np.array([_MM.get(unit, 1.0) for unit in fields.get("space units", [])[:3]] or [1.0] * 3)[:, np.newaxis]
    if "space directions" in fields:
        axes = units * np.asarray(fields["space directions"], float)[header.axes][:, :3].T
        if axes.shape != (3, 3):
            raise damaged(path)
        check_spacings(path, np.linalg.norm(axes, axis=0))
    elif "spacings" in fields and "space" not in fields:
        own = [_MM.get(unit, 1.0) for unit in fields.get("units", [])] or [1.0] * len(fields["spacings"])
        spacings = np.multiply(fields["spacings"], own)[header.axes]
        check_spacings(path, spacings)
        axes = np.diag(spacings)
    else:
        raise without_size(path)
    lps = lps_from(fields.get("space", ""))
    known = lps is not None and "space origin" in fields
    affine = np.eye(4)
    affine[:3, :3] = axes if lps is None else lps @ axes
    if "space origin" in fields:
        origin = units[:, 0] * np.asarray(fields["space origin"], float)[:3]
        affine[:3, 3] = origin if lps is None else lps @ origin
    return Geometry.from_affine(shape, affine), [] if known else [without_sides(path)]


def item_bytes(fields: dict) -> int:
    """Of a voxel, by the type's name."""
    name = re.sub(r"^(un)?signed |^u(?=[a-z])|_t$| int$", "", str(fields.get("type", "")))
    return _BYTES.get(re.sub(r"^u|_t$", "", name), 8)


def check_held(path: Path, header: NrrdHeader) -> None:
    """Refuse sizes that the files with the voxels can't hold, before ITK makes room for them.

    Raises:
        UnreadableError: they hold less, or there is too little memory.
    """
    held = sum(f.stat().st_size for f in header.files) if header.files else path.stat().st_size - header.end
    encoding = header.fields.get("encoding")
    item = 1 if encoding in _TEXT else item_bytes(header.fields)
    check_size(path, prod(header.shape_zyx), item, held, encoding in _PACKED)


def lps_from(space: str) -> np.ndarray | None:
    """The 3 x 3 matrix that takes vectors of a space to LPS.

    Args:
        space: any order and any sign, by name (left-anterior-superior, with hyphens, blanks or nothing between the
            words) or by letters (LAS), with or without a time axis.

    Returns:
        None where the name says no sides.
    """
    name = re.sub(r"[\s_-]", "", space.lower())
    words = re.findall("|".join(_SIDES), name)
    if "".join(words) not in (name, name.removesuffix("time")):
        letters = name.removesuffix("t")
        words = [side for letter in letters for side in _SIDES if side[0] == letter]
        if len(words) != len(letters):
            return None
    sides = [_SIDES[word] for word in words if word in _SIDES]
    if len(words) != 3 or len({axis for axis, _ in sides}) != 3:
        return None
    matrix = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(sides):
        matrix[axis, column] = sign
    return matrix


def _plain(lines: list[str]) -> list[str]:
    """What pynrrd is too strict for and ITK reads: capitals, a key that comes again, blanks inside of a vector."""
    once = {}
    for line in lines:
        if ":=" in line:
            once[line.partition(":=")[0]] = line
        elif line.startswith("#"):
            continue
        else:
            key, colon, value = line.partition(":")
            value = re.sub(r"\([^)]*\)", lambda vector: vector[0].replace(" ", ""), value)
            once[key.lower()] = key.lower() + colon + value if colon else line
    return list(once.values())

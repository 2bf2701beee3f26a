"""The header of a MetaImage, looked at before ITK reads the file, and its compressed voxels: ITK reads damaged ones as
far as they go."""

import re
import zlib
from pathlib import Path

from .problems import check_spacings, damaged, without_size


def check(path: Path) -> list[str]:
    """Warnings for the user: none. UnreadableError: damaged. GeometryError: no usable voxel size."""
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
    return []


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

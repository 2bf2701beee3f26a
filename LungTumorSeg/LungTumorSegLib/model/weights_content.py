"""What a file of Keras weights may hold: plain arrays of floats, all of them inside.

HDF5 can also point into other files, and say a size that it does not hold. Keras refuses most of that in some versions;
a dataset of 3 GB that compresses to 3 MB took it 13 GB (3.15, tried).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelMismatchError

if TYPE_CHECKING:
    import h5py

_MOST_PARTS = 10_000  # groups and datasets; the bundled U-Net has 172
_NESTED = 20


class _Refused(Exception):
    """Why."""


def check(path: Path) -> None:
    """Refuse a file that is more than plain arrays.

    Args:
        path: An HDF5 file, as Keras writes weights.

    Raises:
        ModelMismatchError: It is no HDF5 file, points to others, or says more than it holds.
    """
    import h5py  # comes with TensorFlow

    try:
        with h5py.File(path) as file:
            held = _held(file, [])
            if held > path.stat().st_size:
                raise _Refused("it says that it holds more numbers than it does")
    except Exception as why:  # h5py meets damaged bytes with whatever HDF5 says
        reason = str(why) if isinstance(why, _Refused) else "it is damaged"
        raise ModelMismatchError(
            f"The model file {path} is refused: {reason}. Choose another model, or export this one again."
        ) from why


def _held(group: "h5py.Group", seen: list[str], depth: int = 0) -> int:
    """The bytes of all numbers below a group, as it says. seen: all parts that were looked at."""
    import h5py

    held = 0
    for name in group:
        seen.append(name)
        if len(seen) > _MOST_PARTS or depth > _NESTED:
            raise _Refused("it has too many parts")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _Refused("it points to numbers elsewhere")
        part = group[name]
        if isinstance(part, h5py.Group):
            held += _held(part, seen, depth + 1)
        elif isinstance(part, h5py.Dataset):
            if part.external or part.is_virtual:
                raise _Refused("it points to numbers in another file")
            if part.dtype.kind not in "fiub":
                raise _Refused("it holds something else than numbers")
            held += part.nbytes
        else:
            raise _Refused("it holds something else than numbers")
    return held

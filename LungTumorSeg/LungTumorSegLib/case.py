"""One case from its files to its lesions: the command's one CT, and each of a cohort."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .data import CT, Options, Progress, Result
from .errors import InputError
from .model import limits
from .model.bundle import Bundle
from .model.engines.base import Predictor
from .readers.ct import read_ct
from .readers.dicom_series import name_the_choice
from .segmentation import segment


def read(path: Path, bundle: Bundle, reading: dict[str, Any]) -> tuple[CT, tuple[str, ...]]:
    """A CT, and the notes for the user on its files and on what the model was not made for.

    Args:
        reading: further arguments of `read_ct`.

    Raises:
        InputError: as of `read_ct`.
    """
    ct = read_ct(path, **reading)
    return ct, (*ct.source.get("warnings", ()), *limits.outside(ct.geometry, bundle.card))


def segmented(
    ct: CT,
    options: Options,
    bundle: Bundle,
    progress: Callable[[Progress], None] | None = None,
    engine: Predictor | None = None,
) -> Result:
    """What `segment` finds.

    Raises:
        LungTumorSegError: as of `segment`. An error of a DICOM series that was chosen among others names them.
    """
    try:
        return segment(ct, options, progress, engine=engine, bundle=bundle)
    except InputError as error:
        raise name_the_choice(error, ct.source) from error

"""LungTumorSeg without 3D Slicer: everything between a CT and its lesions.

The public names load what they need when first used: `read_ct` reads a CT, `segment` finds its lesions by `Options`
and returns a `Result`, `Findings` takes what a user changes in one, `save` writes it into a folder, `save_dicom` with
DICOM objects, `save_report` with a page for people. `compare` follows the lesions of one patient through several CTs,
`save_follow_up` writes that.

    ct = read_ct("ct.nrrd")  # or a folder of DICOM files
    result = segment(ct, Options(min_diameter_mm=5))
    for lesion in result.lesions:
        print(lesion.id, lesion.volume_mm3, lesion.long_axis_mm, lesion.side)
    save(result, ct, "output")

Arrays are (z, y, x), values Hounsfield units, lengths mm, points LPS. Errors are those of `LungTumorSegLib.errors`;
each is a `LungTumorSegError` whose text is a sentence for the user.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .comparison import compare
    from .data import Options, Result
    from .dicom_out.save import save_dicom
    from .findings.review import Findings
    from .readers.ct import read_ct
    from .report.save import save_report
    from .segmentation import segment
    from .writers.follow_up_files import save_follow_up
    from .writers.result_files import save

__version__ = "0.1.0"

_MODULES = {
    "read_ct": ".readers.ct",
    "segment": ".segmentation",
    "Options": ".data",
    "Result": ".data",
    "Findings": ".findings.review",
    "save": ".writers.result_files",
    "save_dicom": ".dicom_out.save",
    "save_report": ".report.save",
    "compare": ".comparison",
    "save_follow_up": ".writers.follow_up_files",
}
__all__ = [
    "Findings",
    "Options",
    "Result",
    "compare",
    "read_ct",
    "save",
    "save_dicom",
    "save_follow_up",
    "save_report",
    "segment",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

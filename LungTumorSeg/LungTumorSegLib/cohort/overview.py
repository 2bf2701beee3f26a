"""``index.html``: a cohort to look through, with a picture of each case, sorting and filters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..model.bundle import Bundle
from ..writers import result_files
from ..writers.output_folder import output_error
from . import kept
from .cases import Case
from .kept import Record
from .page import TEMPLATE
from .place import OVERVIEW
from .tables import row

# in the page's order: what is asked of a row, and with how many digits
_NUMBERS = {"lesions": 0, "largest_mm": 1, "volume_ml": 2, "highest_confidence": 2, "seconds": 1}
_COLUMNS = {
    "case": "Case",
    "status": "Status",
    "lesions": "Lesions",
    "largest_mm": "Largest mm",
    "volume_ml": "Volume ml",
    "highest_confidence": "Confidence",
    "seconds": "Seconds",
}


def possible() -> bool:
    """Whether Jinja2, which is an extra, is there."""
    return find_spec("jinja2") is not None


def write(output: Path, cases: Sequence[Case], records: Mapping[str, Record], bundle: Bundle) -> None:
    """Write the page. Its pictures and links lead into the folder, which can move as a whole.

    Args:
        output: The cohort's folder.
        records: By the cases' names.
        bundle: The model, which the page names.

    Raises:
        OutputError: It cannot be written.
    """
    from jinja2 import Environment

    rows = [_row(case, records.get(case.name)) for case in cases]
    text = (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(TEMPLATE)
        .render(
            rows=rows,
            columns=_COLUMNS,
            numbers=_NUMBERS,
            counts=Counter(values["status"] for values in rows),
            lesions=sum(values["lesions"] or 0 for values in rows),
            program=f"LungTumorSeg {__version__}, for research, not a medical device",
            model=bundle,
        )
    )
    try:
        with kept.replaced(output, OVERVIEW) as file:
            file.write_text(text, "utf-8")
    except OSError as error:
        raise output_error(output, error) from error


def _row(case: Case, values: Record | None) -> dict[str, Any]:
    folder, files = f"{kept.CASES}/{quote(case.name)}/", (values or {}).get("files", {})
    pictures = [f"{folder}{name}" for name in sorted(files) if name.startswith("lesion_")]
    best = next((name for name in ("report.html", "overview.png") if name in files), "")
    links = {
        "folder": folder if values else "",
        "thumbnail": f"{folder}{kept.THUMBNAIL}" if kept.THUMBNAIL in files else "",
        "link": f"{folder}{best}",
        "pictures": pictures,
        "files": {name: f"{folder}{name}" for name in (*result_files.REPORT, *result_files.DICOM) if name in files},
    }
    empty = dict.fromkeys(("reason", "notes"), "") | dict.fromkeys(_NUMBERS)
    return empty | row(case, values) | links

"""A report: checked before a run, written with the other files of its result, all or none."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..data import CT, Result
from ..enums import Language
from ..errors import InputError
from ..findings.measures import Measures
from ..findings.measuring import measures_of
from ..findings.suggestions.nodule import Suggestion
from ..writers import result_files
from . import facts, pdf

REPORTS = result_files.REPORT
HTML, PDF = REPORTS


@dataclass(frozen=True)
class Asked:
    """How a page is to be written.

    Attributes:
        with_pdf: ``report.pdf`` too.
        patient: What names the patient in it.
    """

    language: Language = Language.ENGLISH
    with_pdf: bool = False
    patient: Mapping[str, str] = field(default_factory=dict)

    def put(self, folder: Path, html: str) -> None:
        """Write the page, and the PDF if asked for.

        Raises:
            OSError: A file cannot be written.
        """
        (folder / HTML).write_text(html, "utf-8")
        if self.with_pdf:
            (folder / PDF).write_bytes(pdf.render(html))


class Report(Asked):
    """The report of one result."""

    def drawn(self, result: Result, ct: CT, measured: Sequence[Measures]) -> Iterator[tuple[int, dict[str, str]]]:
        """`content.drawn`, for who has other things to do between two lesions."""
        from . import content  # not before `check` has found Jinja2

        return content.drawn(result, ct, measured)

    def write(
        self,
        folder: Path,
        result: Result,
        ct: CT,
        measured: Sequence[Measures],
        names: Mapping[int, str] | None = None,
        smooth_mm: float = 0.0,
        pictures: Mapping[int, dict[str, str]] | None = None,
        suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
    ) -> None:
        """Write ``report.html``, and ``report.pdf`` if asked for.

        Args:
            folder: An existing one.
            measured: `Measures` of each of ``result.outlines``.
            names: See `result_files.save`.
            smooth_mm: See `result_files.save`.
            pictures: Of `content.drawn`, where they are drawn already.
            suggestions: See `result_files.save`.

        Raises:
            OSError: A file cannot be written.
        """
        from . import page  # not before `check` has found Jinja2
        from .content import content

        found = content(result, ct, measured, names, smooth_mm, self.patient, pictures, suggestions)
        self.put(folder, page.render(found, self.language))


def check(with_pdf: bool = False) -> None:
    """Look whether a report can be made, before anything is computed.

    Args:
        with_pdf: Also as PDF.

    Raises:
        InputError: A package is missing.
    """
    for package, name in (("jinja2", "Jinja2"), ("matplotlib", "matplotlib")):
        if find_spec(package) is None:
            raise InputError(f"The report needs {name}, which is not installed. Install it (pip install {name}).")
    if with_pdf:
        pdf.check()


def prepare(
    ct: CT, language: Language | str = Language.ENGLISH, with_pdf: bool = False, identify: bool = False
) -> Report:
    """The report of a CT.

    Args:
        language: ``en`` or ``zh-CN``.
        with_pdf: Also write ``report.pdf``.
        identify: The report names the patient and the CT's path.

    Raises:
        InputError: A package is missing, or the files that name the patient are gone.
    """
    check(with_pdf)
    return Report(Language(language), with_pdf, facts.patient(ct) if identify else {})


def save_report(
    result: Result,
    ct: CT,
    folder: Path,
    *,
    language: Language | str = Language.ENGLISH,
    with_pdf: bool = False,
    identify: bool = False,
    names: Mapping[int, str] | None = None,
    smooth_mm: float = 0.0,
    drawn: Collection[int] = (),
    **options: Any,
) -> list[Path]:
    """`result_files.save` with ``report.html`` among the files.

    Args:
        result: What `segment` found, or `Findings.as_result` of a reviewed one.
        folder: As in `result_files.save`.
        language: ``en`` or ``zh-CN``.
        with_pdf: Also write ``report.pdf``.
        identify: The report names the patient and the path, ``result.json`` the path.
        names: As in `result_files.save`; that of `Findings`.
        smooth_mm: As in `result_files.save`, mm; that of `Findings`.
        drawn: As in `result_files.save`.
        **options: As in `result_files.save`.

    Returns:
        The files.

    Raises:
        OutputError: As `result_files.save` does.
        InputError: A package is missing, or the files that name the patient are gone. Nothing is written then.
    """
    report = prepare(ct, language, with_pdf, identify)
    measured = measures_of(result, ct, smooth_mm, drawn)
    also = partial(report.write, result=result, ct=ct, measured=measured, names=names, smooth_mm=smooth_mm)
    more: dict[str, Any] = {"drawn": drawn, "identify": identify, "measured": measured, "also": [also]}
    return result_files.save(result, ct, folder, names=names, smooth_mm=smooth_mm, **more, **options)

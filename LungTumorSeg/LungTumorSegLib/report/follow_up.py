"""The report of a follow-up: checked before the run, written with the other files of the comparison, all or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data import CT
from ..enums import Language
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import Recist
from ..findings.suggestions.nodule import Suggestion
from . import facts, pdf
from .save import HTML, PDF, REPORTS, check


@dataclass(frozen=True)
class FollowUpReport:
    """How a report of a follow-up is to be written.

    Attributes:
        with_pdf: ``report.pdf`` too.
        patient: What names the patient in it.
    """

    language: Language = Language.ENGLISH
    with_pdf: bool = False
    patient: Mapping[str, str] = field(default_factory=dict)

    def write(
        self,
        folder: Path,
        follow_up: FollowUp,
        response: Recist,
        suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
    ) -> None:
        """Write ``report.html``, and ``report.pdf`` if asked for.

        Args:
            folder: An existing one.
            follow_up: What `compare` found.
            response: Of `recist`.
            suggestions: Of `suggested`, if they were asked for.

        Raises:
            OSError: A file cannot be written.
        """
        from . import page  # not before `check` has found Jinja2
        from .follow_up_content import content

        html = page.render(content(follow_up, response, suggestions, self.patient), self.language, page.FOLLOW_UP)
        (folder / HTML).write_text(html, "utf-8")
        if self.with_pdf:
            (folder / PDF).write_bytes(pdf.render(html))


def files(with_pdf: bool) -> list[str]:
    """The names of what a report will write.

    Raises:
        InputError: A package is missing.
    """
    check(with_pdf)
    return list(REPORTS[: 1 + with_pdf])


def prepare(
    ct: CT, language: Language | str = Language.ENGLISH, with_pdf: bool = False, identify: bool = False
) -> FollowUpReport:
    """The report of a follow-up.

    Args:
        ct: The last one; it tells who the patient is.
        language: ``en`` or ``zh-CN``.
        with_pdf: Also write ``report.pdf``.
        identify: The report names the patient and the path of this CT.

    Raises:
        InputError: A package is missing, or the files that name the patient are gone.
    """
    check(with_pdf)
    return FollowUpReport(Language(language), with_pdf, facts.patient(ct) if identify else {})

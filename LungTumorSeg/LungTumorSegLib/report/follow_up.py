"""The report of a follow-up: checked before the run, written with the other files of the comparison, all or none."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..data import CT
from ..enums import Language
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import Recist
from ..findings.suggestions.nodule import Suggestion
from . import facts
from .save import REPORTS, Asked, check


class FollowUpReport(Asked):
    """The report of a comparison."""

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

        found = content(follow_up, response, suggestions, self.patient)
        self.put(folder, page.render(found, self.language, page.FOLLOW_UP))


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

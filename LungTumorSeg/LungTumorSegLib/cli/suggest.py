"""The options of ``segment`` and ``compare`` that ask guidelines for suggestions."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..enums import Screening

if TYPE_CHECKING:
    from ..findings.suggested import Asked

GUIDELINES = ("lung-rads", "fleischner", "bts")

Suggest = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME", help="Suggestions by guidelines: lung-rads, fleischner, bts. For research."),
]
Age = Annotated[int | None, typer.Option(min=0, max=120, metavar="YEARS", help="For --suggest: the patient's age.")]
Why = Annotated[str | None, typer.Option("--screening", help="For --suggest: baseline | annual | incidental.")]
Risk = Annotated[bool | None, typer.Option("--high-risk/--low-risk", help="For --suggest: the risk of lung cancer.")]
Cancer = Annotated[bool | None, typer.Option("--cancer/--no-cancer", help="For --suggest: a known cancer.")]
Immune = Annotated[
    bool | None,
    typer.Option("--immunosuppressed/--immunocompetent", help="For --suggest: the patient's immune system."),
]
Several = Annotated[bool | None, typer.Option("--several/--single", help="For --suggest: several nodules, or one.")]


def asked(
    suggest: str | None,
    age: int | None,
    screening: str | None,
    high_risk: bool | None,
    known_cancer: bool | None,
    immunosuppressed: bool | None,
    several: bool | None,
) -> "Asked | None":
    """What is asked of the guidelines, by the values of these options; None without ``--suggest``.

    Raises:
        typer.BadParameter: an unknown guideline or kind of screening, or facts of the patient without ``--suggest``.
    """
    if screening is not None and screening not in tuple(Screening):
        raise typer.BadParameter(f"{screening!r} is not one of {', '.join(Screening)}")
    reason = None if screening is None else Screening(screening)
    facts = (age, reason, high_risk, known_cancer, immunosuppressed, several)
    if suggest is None:
        if any(fact is not None for fact in facts):
            raise typer.BadParameter("age, screening, risk, cancer, immune system and number are for --suggest: add it")
        return None
    names = [name.strip() for name in suggest.split(",")]
    for name in names:
        if name not in GUIDELINES:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(GUIDELINES)}")
    from ..findings.suggested import Asked  # not needed by --help
    from ..findings.suggestions.nodule import Patient

    return Asked(tuple(names), Patient(age, reason, high_risk, known_cancer, immunosuppressed, several))

"""What a registration's agreement allows: to compare, to compare with a doubt, or not at all."""

from enum import StrEnum

from .agreement import Agreement

# Vessels of seven pairs of patients, bent onto each other, correlated by at most 0.48; of six CTs and their moved,
# noisier copies by at least 0.73: docs/follow-up.md
LEAST_VESSELS, DOUBTFUL_VESSELS = 0.55, 0.7
DOUBTFUL_MM = 8.0  # 95th percentile of the lungs' surfaces
FAILED_MM = 15.0
LEAST_OVERLAP = 0.5


class Verdict(StrEnum):
    """Whether two CTs lie on each other well enough to compare lesions."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    FAILED = "failed"

    @property
    def compares(self) -> bool:
        """Whether lesions may be compared."""
        return self in (Verdict.GOOD, Verdict.DOUBTFUL)


def verdict(found: Agreement) -> Verdict:
    """What an agreement allows.

    Returns:
        FAILED for another patient, another part of the lungs, or a registration that went wrong.
    """
    if found.vessels < LEAST_VESSELS or found.surface_95_mm > FAILED_MM or found.overlap < LEAST_OVERLAP:
        return Verdict.FAILED
    doubtful = found.vessels < DOUBTFUL_VESSELS or found.surface_95_mm > DOUBTFUL_MM
    return Verdict.DOUBTFUL if doubtful else Verdict.GOOD

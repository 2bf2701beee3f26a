"""Several CTs of one patient, as files tell of them -> their lesions, each followed through all of them."""

import datetime
from collections.abc import Callable, Sequence

from .chronology import in_order
from .data import CT, Options, Progress
from .findings.follow_up.follow import FollowUp
from .readers.acquisition import acquisition
from .tracking import check_different, track


def compare(
    cts: Sequence[CT],
    dates: Sequence[datetime.date | None] | None = None,
    options: Options | None = None,
    *,
    same_patient: bool = False,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FollowUp:
    """Find the lesions of two or more CTs of one patient and follow each through all of them.

    The CTs are put into the order of their dates; without dates the given order counts, and no doubling time is told.
    What is done then, `tracking.track` says.

    Args:
        dates: of the CTs, in their order; where one is None, and without any, those of their DICOM files.
        same_patient: the user knows that they are of one patient, though the files name two.
        progress: as of `segment`.
        cancelled: as of `segment`.

    Raises:
        InputError: fewer than two CTs, the same CT twice, another number of dates than CTs, dates of some CTs only, two
            patients by their DICOM files or by their lungs.
        LungTumorSegError: what `segment` raises.
    """
    check_different(cts)  # before anything is said of their dates
    known = in_order(cts, [acquisition(ct.source) for ct in cts], dates, same_patient)
    ordered = [cts[k] for k in known.order]
    return track(ordered, known, options or Options(), progress=progress, cancelled=cancelled)

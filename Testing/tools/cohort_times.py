"""``python -m Testing.tools.cohort_times workers|growth``: what workers gain, and whether a case costs more among many.

Prints ratios within one run. The computer should do nothing else meanwhile.
"""

import sys
import tempfile
import time
from pathlib import Path

from LungTumorSegLib.cohort import folder, kept, run
from LungTumorSegLib.cohort.processes import Processes
from LungTumorSegLib.cohort.work import Settings
from LungTumorSegLib.data import Options

from Testing.support import cohort_case, phantoms

CHESTS, SIZES = 6, (10, 40, 160)


def seconds(source: Path, count: int, threads: int, lungs: bool) -> float:
    """What the cases take once ``count`` warm workers of so many threads are there."""
    with tempfile.TemporaryDirectory() as output:
        settings = Settings(Path(output), Options(engine="openvino", threads=threads, lung_restriction=lungs))
        cases = folder.cases(source, settings.options, {}, settings.output)
        workers = Processes(settings, count)
        for case in cases[:count]:  # every worker has opened its engine
            workers.start(case, 1)
        while workers.busy:
            workers.ended(1)
        for case in cases[:count]:
            kept.publish(settings.output, case, kept.failed(case, 1, "to be done again"))
        began = time.perf_counter()
        records = run.run(run.plan(cases, settings), settings, workers, lambda step: None, lambda: False)
        took = time.perf_counter() - began
        workers.close()
        assert all(values["status"] == "done" for values in records.values())
    return took


def workers(place: Path) -> None:
    for number in range(CHESTS):
        place.mkdir(exist_ok=True)
        phantoms.write_image(phantoms.chest(seed=number)[0], place / f"ct{number}.nrrd")
    two, one, wide = (seconds(place, *how, True) for how in ((2, 1), (1, 1), (1, 2)))
    print(f"{CHESTS} chests: two workers {two:.1f} s, one {one:.1f} s, one of two threads {wide:.1f} s")
    print(f"two one-thread workers over one one-thread worker  {one / two:.2f}")
    print(f"two one-thread workers over one two-thread worker  {wide / two:.2f}")


def growth(place: Path) -> None:
    for size in SIZES:
        took = seconds(cohort_case.make(place / str(size), size), 2, 1, False)
        print(f"{size} cases: {took / size:.3f} s a case")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        {"workers": workers, "growth": growth}[sys.argv[1]](Path(made) / "in")

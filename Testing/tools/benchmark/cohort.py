"""What workers of a cohort gain, and whether a case costs more among many: warm workers, ratios within one run.

Seconds are those of the clock, so the computer should do nothing else meanwhile. CPU seconds are those of this process
and its workers.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import SimpleITK as sitk
from LungTumorSegLib.cohort import folder, kept, overview, run, tables
from LungTumorSegLib.cohort.cases import Case
from LungTumorSegLib.cohort.processes import Processes
from LungTumorSegLib.cohort.work import Settings
from LungTumorSegLib.data import Options
from LungTumorSegLib.model.bundle import load_bundle

from Testing.support import cohort_case
from Testing.tools.benchmark import report
from Testing.tools.benchmark.chest_ct import Stored

# how many workers, and threads of each
WORKERS = dict(zip(report.WORKERS, ((2, 1), (1, 1), (1, 2)), strict=True))
ALIKE = 10  # sizes are multiples of it, so that each has the same mix of cases


@dataclass(frozen=True)
class Cost:
    """Of a cohort, without the start of its workers."""

    seconds: float
    cpu_seconds: float


def workers(ct: Stored, copies: int, rounds: int) -> dict:
    """Copies of a CT by the workers of `WORKERS`; of each the least of all rounds."""
    with tempfile.TemporaryDirectory(prefix="lts-benchmark-") as made:
        source = Path(made) / "in"
        source.mkdir()
        image = sitk.GetImageFromArray(ct.open().voxels_zyx)
        image.SetSpacing(ct.spacing_xyz)
        sitk.WriteImage(image, str(source / "ct0.nrrd"))
        for number in range(1, copies):
            (source / f"ct{number}.nrrd").hardlink_to(source / "ct0.nrrd")
        taken = {}
        for name, (count, threads) in WORKERS.items():
            with hired(count, threads, source) as crew:
                taken[name] = [crew.cost(source) for _ in range(rounds)]
    return {
        "cases": copies,
        "slices": len(ct.open().voxels_zyx),
        "seconds": {name: min(one.seconds for one in costs) for name, costs in taken.items()},
        "cpu_seconds": {name: min(one.cpu_seconds for one in costs) for name, costs in taken.items()},
    }


def growth(sizes: list[int]) -> list[dict]:
    """What a case of a few voxels costs in cohorts of these sizes; a small cohort is done again, up to four times."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="lts-benchmark-") as made:
        sources = [cohort_case.make(Path(made) / str(size), size, alike=ALIKE) for size in sizes]
        with hired(1, 1, sources[0], lungs=False) as crew:
            for size, source in zip(sizes, sources, strict=True):
                taken = [crew.cost(source) for _ in range(min(4, max(sizes) // size))]
                rows.append(
                    {
                        "cases": size,
                        "seconds": sum(one.seconds for one in taken) / len(taken) / size,
                        "cpu_seconds": sum(one.cpu_seconds for one in taken) / len(taken) / size,
                    }
                )
    return rows


@dataclass(frozen=True)
class Crew:
    """Warm workers and the folder into which they write."""

    processes: Processes
    settings: Settings

    def cost(self, source: Path) -> Cost:
        """Of all that the command does, from the search for cases to the tables and the overview."""
        output = self.settings.output
        began, cpu = time.perf_counter(), self._cpu_seconds()
        cases = folder.cases(source, self.settings.options, {}, output)
        records = run.run(run.plan(cases, self.settings), self.settings, self.processes, lambda _: None, lambda: False)
        tables.write(output, cases, records)
        overview.write(output, cases, records, load_bundle())
        taken = Cost(time.perf_counter() - began, self._cpu_seconds() - cpu)
        if not all(values["status"] == "done" for values in records.values()):
            raise RuntimeError("A case failed: its time is none.")
        shutil.rmtree(output / kept.CASES)
        return taken

    def warm(self, cases: list[Case]) -> None:
        """A case for each worker, which has to open its engine."""
        for case in cases:
            self.processes.start(case, 1)
        while self.processes.busy:
            self.processes.ended(1)
        shutil.rmtree(self.settings.output / kept.CASES)

    def _cpu_seconds(self) -> float:
        spent = [psutil.Process(worker.process.pid).cpu_times() for worker in self.processes._free]
        return time.process_time() + sum(times.user + times.system for times in spent)


@contextmanager
def hired(count: int, threads: int, source: Path, lungs: bool = True) -> Iterator[Crew]:
    """So many workers of so many threads, warmed with the first cases of a folder."""
    with tempfile.TemporaryDirectory(prefix="lts-benchmark-") as output:
        settings = Settings(Path(output), Options(engine="openvino", threads=threads, lung_restriction=lungs))
        processes = Processes(settings, count)
        try:
            crew = Crew(processes, settings)
            crew.warm(folder.cases(source, settings.options, {}, settings.output)[:count])
            yield crew
        finally:
            processes.close()

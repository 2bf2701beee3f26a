"""``python -m Testing.tools.demo [--input DIR] [--output DIR]``: what ``make demo`` runs.

Segments the two CTs in the library's child process, as the panel does, compares with the reference masks, and writes
segmentation, table and pictures. Needs no more than ``make setup`` installs. Exit code 1: a tumour was not found or its
Dice is under the floor; 3: the CTs are not there; else as the command ``lungtumorseg``.
"""

import argparse
import sys
from pathlib import Path

from LungTumorSegLib import Result, read_ct, save
from LungTumorSegLib.enums import Stage
from LungTumorSegLib.errors import LungTumorSegError
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.lesions.order import order_sentence
from LungTumorSegLib.worker.client import WorkerClient
from LungTumorSegLib.writers import lesion_table
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from Testing.tools.demo import cases, compare, pictures

STAGES = {
    Stage.LUNGS: "finding the lungs",
    Stage.ENGINE: "loading the model",
    Stage.NETWORK: "segmenting",
    Stage.VIEWS: "segmenting other views",
    Stage.CLASSIFIER: "rating each lesion",
    Stage.LESIONS: "measuring",
}


def main() -> int:
    arguments = argparse.ArgumentParser(description="Segments two real chest CTs and compares with known tumours.")
    arguments.add_argument("--input", type=Path, help="folder with the four NRRD files, instead of fetching them")
    arguments.add_argument("--output", type=Path, default=Path("demo-output"), help="default: ./demo-output")
    given = arguments.parse_args()
    console = Console()
    try:
        obtained = cases.obtain(given.input)
        with WorkerClient() as client:
            return max([run(case, client, given.output, console) for case in obtained])
    except cases.DemoDataError as error:
        print(error, file=sys.stderr)
        return 3
    except LungTumorSegError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130


def run(case: cases.Case, client: WorkerClient, output: Path, console: Console) -> int:
    """One case; returns 0 or 1."""
    ct = read_ct(case.image)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(case.name)

        def progress(step):
            bar.update(task, description=f"{case.name}: {STAGES[step.stage]}", completed=step.done, total=step.total)

        result = client.segment(ct, progress=progress)
    verdict = compare.with_reference(result, case.label)
    folder = output / case.name
    written = save(result, ct, folder, overwrite=True, with_pictures=True)
    written += pictures.draw(result, ct, verdict.reference, folder)
    console.print(table(case.name, result, verdict))
    console.print(
        f"{result.model['name']} {result.model['version']} on {result.engine}, {result.device}, {result.precision} "
        f"({result.reason}); {sum(result.seconds.values()):.1f} s, {result.peak_memory_mb:.0f} MB",
        highlight=False,
    )
    for note in result.notes:
        console.print(f"Note: {note}")
    for path in written:
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    passed = bool(verdict.lesion_ids) and verdict.dice >= case.least_dice
    what = f"Dice {verdict.dice:.3f}" if verdict.lesion_ids else "the tumour was not found"
    style = "bold green" if passed else "bold red"
    floor = f"at least {case.least_dice:.2f} wanted"
    listed = f"{len(result.lesions)} lesion{'' if len(result.lesions) == 1 else 's'} listed"
    console.print(f"{case.name}: {what} ({floor}), {listed}\n", style=style)
    return 0 if passed else 1


def table(name: str, result: Result, verdict: compare.Verdict) -> Table:
    """At most 80 columns wide, and without colours no less clear about which lesion is the tumour."""
    drawn = Table(
        title=f"{name}: {verdict.reference_ml:.2f} ml of tumour in the reference",
        caption=order_sentence(result.lesions),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in ("lesion", "", "side"):
        drawn.add_column(column, no_wrap=True)
    for column in ("ml", "diameters, mm", "HU", "conf.", "R,A,S mm"):
        drawn.add_column(column, justify="right", no_wrap=True)
    for lesion, mask in zip(result.lesions, result.masks, strict=True):
        place = lesion_table.centre_ras(result.geometry, lesion, mask)
        r, g, b = (round(255 * c) for c in terminology.color(lesion))
        drawn.add_row(
            f"[rgb({r},{g},{b})]{lesion.id}[/]",
            "tumour" if lesion.id in verdict.lesion_ids else "",
            lesion.side,
            f"{lesion.volume_mm3 / 1000:.2f}",
            f"{lesion.long_axis_mm:.1f} x {lesion.short_axis_mm:.1f}",
            f"{lesion.mean_hu:.0f}",
            "" if lesion.confidence is None else f"{lesion.confidence:.2f}",
            ",".join(f"{v:.0f}" for v in place),
        )
    return drawn

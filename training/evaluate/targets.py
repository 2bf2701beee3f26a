"""What the model must reach, beside what it reached."""

import math

from rich.console import Console
from rich.table import Table

# (what, where in the figures, at least, the aim, larger is better)
BARS = (
    # no worse than 0.818 as it is quoted: 0.5.0 has 0.8179
    ("click: Dice with the consensus, all", ("click", "all", "dice", "mean"), 0.8175, 0.84, True),
    ("click: Dice, 10 mm and more", ("click", ">=10 mm", "dice", "mean"), 0.842, 0.86, True),
    ("click: model minus a reader, against others", ("click", "all", "model_minus_reader", "mean"), 0.0, 0.03, True),
    ("click: nothing found or Dice < 0.3", ("click", "all", "missed_or_below_0.3", "mean"), 0.03, 0.01, False),
    ("click: volume, median error under 6 mm, % off 0",
     ("click", "<6 mm", "volume_bias_percent", "mean"), 6, 2, False),
    ("click: volume, median error 6 to 10 mm, % off 0",
     ("click", "6-10 mm", "volume_bias_percent", "mean"), 6, 2, False),
    ("click: volume, median error from 20 mm on, % off 0",
     ("click", ">=20 mm", "volume_bias_percent", "mean"), 6, 2, False),
    ("click: long axis, mean error 10 to 20 mm, mm off 0",
     ("click", "10-20 mm", "diameter_bias_mm", "mean"), 0.4, 0.2, False),
    ("click: long axis, mean error from 20 mm on, mm off 0",
     ("click", ">=20 mm", "diameter_bias_mm", "mean"), 1.0, 0.5, False),
    ("listed without a click: non-solid nodules (patches)",
     ("listed_without_a_click", "non-solid", "mean"), 0.7, 0.85, True),
    ("listed without a click: all nodules (patches)", ("listed_without_a_click", "all", "mean"), None, None, True),
    ("automatic: inserted nodules found at 2 false positives a scan",
     ("automatic", "inserted", "sensitivity_at", "2", "sensitivity"), 0.80, 0.90, True),
    ("automatic: negative controls marked at that rate",
     ("automatic", "inserted", "controls_marked_at_2_false_positives"), 0.05, 0.05, False),
    ("automatic: inserted nodules found at 1 false positive a scan, fully annotated CTs",
     ("automatic", "inserted_in_annotated_cts", "sensitivity_at", "1", "sensitivity"), 0.90, 0.95, True),
    ("automatic: mean sensitivity at 1/8 to 8 false positives a scan, fully annotated CTs",
     ("automatic", "inserted_in_annotated_cts", "competition", "mean"), None, None, True),
    ("automatic: negative controls marked at 1 a scan, fully annotated CTs",
     ("automatic", "inserted_in_annotated_cts", "controls_marked_at_1_false_positive"), 0.05, 0.025, False),
    ("listed by default: false rows a scan, fully annotated CTs",
     ("automatic", "listed", "false_rows_a_scan_where_read", "mean"), 2, 1, False),
    ("listed by default: false rows a scan, CTs without a nodule",
     ("automatic", "listed", "false_rows_a_scan_in_negatives", "mean"), 1, 0.5, False),
    ("listed by default: share of the inserted nodules", ("automatic", "inserted_listed", "mean"), None, None, True),
    ("listed by default: share of the known tumours",
     ("automatic", "listed", "tumours_listed", "mean"), 1.0, 1.0, True),
    ("listed by default: share of them in the first two rows",
     ("automatic", "listed", "tumours_in_first_rows", "mean"), 0.92, 1.0, True),
    ("automatic: real tumours found", ("automatic", "real", "found"), 10, 11, True),
    ("automatic: Dice of the real ones found", ("automatic", "real", "dice_of_found", "mean"), 0.80, 0.86, True),
    ("demonstration CT lung1: Dice", ("demo", "lung1", "dice"), 0.78, 0.82, True),
    ("demonstration CT lung2: Dice", ("demo", "lung2", "dice"), 0.86, 0.90, True),
    ("calibration error, patches", ("calibration", "error_patches"), 0.05, 0.02, False),
    ("calibration error, whole CTs", ("calibration", "error_whole_cts"), 0.05, 0.02, False),
)  # fmt: skip


def look_up(figures: dict, path: tuple[str, ...]):
    """The value at the path, None where a part was not run."""
    for key in path:
        if figures is None or key not in figures:
            return None
        figures = figures[key]
    return figures


# of CTs that were added nobody has said how good is good enough
ADDED = (
    ("added CTs: tumours", ("added", "tumours")),
    ("added CTs: tumours found", ("added", "tumours_found")),
    ("added CTs: found at 2 false positives a scan", ("added", "sensitivity_at", "2", "sensitivity")),
    ("added CTs: Dice of those found", ("added", "real", "dice_of_found", "mean")),
    ("added CTs: false positives a scan, all that is marked", ("added", "false_positives_a_scan_of_all")),
)


def judged(figures: dict) -> list[dict]:
    """Each bar beside what was reached.

    Args:
        figures: Of an evaluation.

    Returns:
        For each what, value, n, interval95, bar, aim and met; a model that is not the bundled one has no bars (None).
    """
    rows, ours = [], figures.get("ours", True)
    listed = [*BARS, *((what, path, None, None, True) for what, path in ADDED)]
    for what, path, bar, aim, larger in listed:
        bar, aim = (bar, aim) if ours else (None, None)
        value = look_up(figures, path)
        value = None if isinstance(value, float) and math.isnan(value) else value  # of nothing
        beside = look_up(figures, path[:-1])
        beside = beside if isinstance(beside, dict) else {}
        met = None if value is None or bar is None else bool(value >= bar if larger else value <= bar)
        rows.append(
            {
                "what": what,
                "value": value,
                "n": beside.get("n"),
                "interval95": beside.get("interval95"),
                "bar": bar,
                "aim": aim,
                "met": met,
            }
        )
    return rows


def brief(figures: dict) -> dict:
    """What a model card says: role, and each bar's value with n and interval."""
    kept = [{k: row[k] for k in ("what", "value", "n", "interval95", "bar")} for row in judged(figures)]
    unseen = look_up(figures, ("automatic", "unseen"))
    return {
        "role": figures["role"],
        "whole_cts_unseen": unseen,
        "bars": [row for row in kept if row["value"] is not None],
    }


def show(figures: dict) -> None:
    """Print the table."""
    table = Table(title=f"{figures['model']['name']} {figures['model']['version']} on {figures['role']}")
    for column in ("", "reached", "95 % interval", "n", "bar", "aim", ""):
        table.add_column(column)
    for row in judged(figures):
        if row["value"] is not None:
            interval = " to ".join(_short(v) for v in row["interval95"] or ())
            n = "" if row["n"] is None else str(row["n"])
            verdict = {True: "[green]met[/]", False: "[red]not met[/]", None: ""}[row["met"]]
            table.add_row(
                row["what"], _short(row["value"]), interval, n, _short(row["bar"]), _short(row["aim"]), verdict
            )
    console = Console()
    console.print(table)
    if look_up(figures, ("automatic", "unseen")) is False:
        console.print(
            "The model was fitted on these whole CTs: the automatic figures are no evidence. Run `folds` first."
        )


def _short(value) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.3f}"

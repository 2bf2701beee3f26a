"""``python -m Testing.tools.report_picture CT FILE``: the top of a CT's report, as Chromium shows it, as WebP."""

import argparse
import sys
import tempfile
from pathlib import Path

from LungTumorSegLib import Result, read_ct, save_report, segment
from LungTumorSegLib.data import CT
from PIL import Image

from Testing.support import chromium

SIZE = (1100, 1330)  # as far as the first lesion's key images


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A picture of the report of a CT.")
    parser.add_argument("ct", type=Path, metavar="CT")
    parser.add_argument("file", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    ct = read_ct(given.ct)
    draw(segment(ct), ct, given.file)
    print(f"{given.file} ({given.file.stat().st_size / 1000:.0f} kB)")
    return 0


def draw(result: Result, ct: CT, path: Path) -> None:
    """The top of the report of a result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_report(result, ct, folder / "out")
        seen = chromium.opened(folder / "out" / "report.html", folder, SIZE)
        Image.open(seen.picture).convert("RGB").save(path, quality=85, method=6)


if __name__ == "__main__":
    sys.exit(main())

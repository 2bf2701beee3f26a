"""``python -m Testing.tools.screenshots [--ct FILE] FOLDER``: writes PNGs of the panel in its states and of the views.

With --recording also a film of the sitting, `recording.webp`.

What they show comes from the product itself: the bundled model in the child process, the module's panel, Slicer's
scene and views. Exit code 3: this machine cannot make them (no fonts, no off-screen drawing); 1: a state did not come.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from Testing.support import phantoms
from Testing.tools.screenshots.album import Album
from Testing.tools.screenshots.recording import Recording
from Testing.tools.screenshots.sitting import TUTORIAL, CannotDrawError, NoPictureError, Sitting

# 18, 14 and 11 mm, two to the right and one to the left
NODULES = (phantoms.NODULE, ((78.0, 6.0, -12.0), 14.0, 40), ((-60.0, -30.0, -21.0), 11.0, 40))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Pictures of the panel in its states and of the views with a result.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--ct", type=Path, help="NRRD file; without it a phantom chest with three nodules")
    parser.add_argument("--name", help="how the CT is called in the panel; default: the file's name")
    parser.add_argument("--smallest", type=float, default=10.0, help="mm; the user leaves smaller lesions out")
    parser.add_argument("--tutorial", action="store_true", help="only the pictures that the READMEs show")
    parser.add_argument("--recording", action="store_true", help="also an animated recording.webp of it all")
    given = parser.parse_args(arguments)
    album = Album(given.folder, TUTORIAL if given.tutorial else None)
    recording = Recording(given.folder / "recording.webp") if given.recording else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            ct = given.ct or phantoms.write_image(phantoms.chest(lesions=NODULES)[0], Path(folder) / "phantom.nrrd")
            print(_take(album, ct, given.name or ct.stem, given.smallest, recording))
    except (CannotDrawError, NoPictureError) as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, CannotDrawError) else 1
    for path in [*album.written, *([recording.write()] if recording else [])]:
        print(f"  {path} ({path.stat().st_size / 1000:.0f} kB)")
    return 0


def _take(album: Album, ct: Path, name: str, smallest_mm: float, recording: Recording | None) -> str:
    sitting = Sitting(album, smallest_mm, recording)
    try:
        return sitting.go_through(ct, name)
    finally:
        sitting.close()

"""PNG files that are small enough to stay in a repository's history."""

from pathlib import Path

import numpy as np
from PIL import Image

# A palette costs a third of the bytes of true colour. Greys, which a CT is full of, need fewer than colours, which are
# few pixels: in one palette for both an outline gets the colour of something larger
GREYS, COLORS = 48, 128
# a pixel is grey up to this difference between its red, green and blue
CHROMA = 15


class Album:
    """Writes pictures into a folder. names: only these; None takes all."""

    def __init__(self, folder: Path, names: tuple[str, ...] | None = None):
        self.folder, self._names = folder, names
        self.written: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def wants(self, name: str) -> bool:
        return self._names is None or name in self._names

    def put(self, name: str, picture: np.ndarray):
        """picture: uint8 (rows, columns, 3)."""
        if not self.wants(name):
            return
        image = Image.fromarray(picture)
        image = image.quantize(palette=_palette(picture), dither=Image.Dither.NONE)
        path = self.folder / f"{name}.png"
        image.save(path, optimize=True)
        self.written.append(path)


def _palette(picture: np.ndarray) -> Image.Image:
    pixels = picture.reshape(-1, 3)
    colored = np.ptp(pixels.astype(int), axis=1) > CHROMA
    parts = [(pixels[~colored], GREYS), (pixels[colored], COLORS)]
    halves = [
        Image.fromarray(part[None]).quantize(count, Image.Quantize.MEDIANCUT, kmeans=2).getpalette()
        for part, count in parts
        if len(part)
    ]
    made = Image.new("P", (1, 1))
    made.putpalette([value for half in halves for value in half])
    return made


def beside(*pictures: np.ndarray, gap: int = 6) -> np.ndarray:
    """Pictures in a row, their tops aligned, on the background of the first one's lower left corner."""
    rows = max(p.shape[0] for p in pictures)
    columns = sum(p.shape[1] for p in pictures) + gap * (len(pictures) - 1)
    made = np.empty((rows, columns, 3), np.uint8)
    made[:] = pictures[0][-1, 0]
    x = 0
    for picture in pictures:
        made[: picture.shape[0], x : x + picture.shape[1]] = picture
        x += picture.shape[1] + gap
    return made

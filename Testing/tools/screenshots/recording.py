"""A sitting as a short film: panel, views and a caption in an animated WebP."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from Testing.tools.screenshots.album import beside

CAPTION = 30  # pixels
_BAND, _TEXT = (34, 38, 45), (245, 245, 245)
QUALITY = 50


class Recording:
    """Frames, as they come; `write` makes the file."""

    def __init__(self, path: Path):
        self.path = path
        self._frames: list[Image.Image] = []
        self._milliseconds: list[int] = []

    def add(self, panel: np.ndarray, views: np.ndarray, caption: str, seconds: float):
        """A frame as high as the views; of the panel, what the window would show. Arrays: uint8 (rows, columns, 3)."""
        picture = beside(panel[: len(views)], views)
        frame = Image.new("RGB", (picture.shape[1], picture.shape[0] + CAPTION), _BAND)
        frame.paste(Image.fromarray(picture))
        place = (10, picture.shape[0] + CAPTION // 2)
        ImageDraw.Draw(frame).text(place, caption, fill=_TEXT, font=ImageFont.load_default(16), anchor="lm")
        self._frames.append(frame)
        self._milliseconds.append(round(1000 * seconds))

    def write(self) -> Path:
        first, *others = self._frames
        first.save(
            self.path,
            save_all=True,
            append_images=others,
            duration=self._milliseconds,
            loop=0,
            quality=QUALITY,
            method=6,
        )
        return self.path

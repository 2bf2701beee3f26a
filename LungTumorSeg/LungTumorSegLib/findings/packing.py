"""A mask as text, for the state of a result in a scene."""

import base64
import zlib

import numpy as np

from ..geometry import Box


def packed(mask: np.ndarray) -> str:
    """mask: bool."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 1)).decode()


def unpacked(text: str, box: Box) -> np.ndarray:
    """The mask (bool) that fills the box. Raises ValueError or zlib.error where the text is damaged."""
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.unpackbits(bits, count=int(np.prod(box.shape))).reshape(box.shape).astype(bool)

"""A mask as text, for the state of a result in a scene."""

import base64
import zlib

import numpy as np

from ..geometry import Box


def packed(mask: np.ndarray) -> str:
    """A mask (bool) as text."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 1)).decode()


def unpacked(text: str, box: Box) -> np.ndarray:
    """The mask that `packed` made a text of.

    Args:
        text: What `packed` gave.
        box: Which the mask fills.

    Returns:
        bool, in the box's shape.

    Raises:
        ValueError: The text is damaged.
        zlib.error: The text is damaged.
    """
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.unpackbits(bits, count=int(np.prod(box.shape))).reshape(box.shape).astype(bool)

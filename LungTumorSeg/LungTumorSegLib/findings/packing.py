"""A mask as text, for the state of a result in a scene."""

import base64
import zlib
from math import prod

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
    count = prod(box.shape)
    held = (count + 7) // 8
    # no more than the box holds: a short text can unpack to a thousand times its length
    bits = np.frombuffer(zlib.decompressobj().decompress(base64.b64decode(text), held + 1), np.uint8)
    if len(bits) != held:
        raise ValueError("the mask does not fill its box")
    return np.unpackbits(bits, count=count).reshape(box.shape).astype(bool)

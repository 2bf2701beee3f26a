"""Bytes, texts and JSON, damaged at random. The same generator state gives the same damage."""

import copy
import json
import re
import struct
from random import Random
from typing import Any

# what parsers stumble over: signs, the ends of integers, what is no number
NUMBERS = (0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
WORDS = (
    "", "0", "-0", "-1", "1", "0.5", "1e-300", "1e300", "1e999", "nan", "inf", "-inf", "99999999999999999999", "1,5",
    "none", "None", "true", "?", "%d", "../x", "/etc/passwd", "x" * 300, "\0", "é", "1 2 3", "(1,0,0)", "(nan,0,0)",
)  # fmt: skip
VALUES = (
    None, True, False, 0, -1, 1, 0.5, 2**40, -(2**63), 10**30, 1e308, 1e-308, float("nan"), float("inf"), "", "x", "1",
    "../x", "nan", [], {}, [0], [[]], {"a": 0}, [1, 2, 3], ["x", "y", "z"], [0.0] * 9, "x" * 3000,
)  # fmt: skip


def damaged(rng: Random, data: bytes, head: int = 0) -> bytes:
    """Bytes with one to four faults.

    Args:
        head: Most faults lie within so many first bytes; 0: anywhere.
    """
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        size = len(content)
        if not size:
            break
        at = rng.randrange(min(size, head) if head and rng.random() < 0.8 else size)
        rng.choice((_flip, _set, _number, _float, _cut, _remove, _repeat, _insert, _swap))(rng, content, at)
    return bytes(content)


def _flip(rng: Random, content: bytearray, at: int) -> None:
    content[at] ^= 1 << rng.randrange(8)


def _set(rng: Random, content: bytearray, at: int) -> None:
    content[at] = rng.choice((0, 1, 32, 47, 127, 128, 255, rng.randrange(256)))


def _number(rng: Random, content: bytearray, at: int) -> None:
    size = rng.choice((2, 4, 8))
    value = rng.choice(NUMBERS) & ((1 << 8 * size) - 1)
    content[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _float(rng: Random, content: bytearray, at: int) -> None:
    value = rng.choice((0.0, -1.0, 1e30, 1e-30, float("nan"), float("inf"), -float("inf")))
    packed = struct.pack(rng.choice("<>") + rng.choice("fd"), value)
    content[at : at + len(packed)] = packed


def _cut(rng: Random, content: bytearray, at: int) -> None:
    del content[at:]


def _remove(rng: Random, content: bytearray, at: int) -> None:
    del content[at : at + rng.choice((1, 2, 4, 8, 50))]


def _repeat(rng: Random, content: bytearray, at: int) -> None:
    content[at:at] = content[at : at + rng.choice((1, 4, 20, 200))] * rng.choice((1, 1, 2, 20))


def _insert(rng: Random, content: bytearray, at: int) -> None:
    content[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))


def _swap(rng: Random, content: bytearray, at: int) -> None:
    other = rng.randrange(len(content))
    content[at], content[other] = content[other], content[at]


def text(rng: Random, data: bytes, end: int) -> bytes:
    """A header of lines with one to three faults in its words and lines; what follows stays.

    Args:
        end: Where the header ends.
    """
    lines = data[:end].decode("latin-1").split("\n")
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, how = rng.randrange(len(lines)), rng.random()
        if how < 0.6:
            words = list(re.finditer(r"[^\s,():=]+", lines[at]))
            if words:
                word = rng.choice(words)
                new = rng.choice(WORDS) if rng.random() < 0.7 else str(rng.choice(NUMBERS))
                lines[at] = lines[at][: word.start()] + new + lines[at][word.end() :]
        elif how < 0.7:
            lines.insert(at, lines[at])
        elif how < 0.8 and len(lines) > 1:
            del lines[at]
        elif how < 0.9:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    return "\n".join(lines).encode("latin-1", "replace") + data[end:]


def values(rng: Random, tree: Any) -> Any:
    """A JSON value with one to three of its parts exchanged, missing, or said twice."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 2, 3))):
        part, key = _place(rng, tree)
        if part is None:
            return copy.deepcopy(rng.choice(VALUES))
        how = rng.random()
        if how < 0.75:
            part[key] = copy.deepcopy(rng.choice(VALUES))
        elif how < 0.85:
            del part[key]
        elif how < 0.95 and isinstance(part, list):
            part.append(copy.deepcopy(part[key]))
        else:
            part[key] = [part[key]]
    return tree


def _place(rng: Random, tree: Any) -> tuple[Any, Any]:
    """A container in the tree and a key of it; None where there is none."""
    places: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (dict, list)):
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            places += [(part, key) for key in keys]
            waiting += [part[key] for key in keys]
    return rng.choice(places) if places else (None, None)


def json_text(rng: Random, data: bytes) -> bytes:
    """A JSON text with exchanged values, in some cases with damaged bytes."""
    if rng.random() < 0.15:
        return damaged(rng, data)
    if rng.random() < 0.03:
        return b"[" * 100_000
    return json.dumps(values(rng, json.loads(data)), ensure_ascii=False).encode("utf-8", "surrogatepass")

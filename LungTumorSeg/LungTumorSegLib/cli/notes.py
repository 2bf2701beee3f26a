"""Sentences for the user, beside the result."""

import json
from collections.abc import Iterable

from .output import print_line, say


def print_notes(notes: Iterable[str], as_json: bool) -> None:
    """Print notes.

    Args:
        notes: A sentence each.
        as_json: As JSON lines on standard output, else on standard error.
    """
    for note in notes:
        if as_json:
            print_line(json.dumps({"type": "note", "text": note}))
        else:
            say(f"Note: {note}")

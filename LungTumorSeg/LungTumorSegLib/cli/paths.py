"""Paths and words as arguments: any that the system allows, but not empty ones."""

from pathlib import Path

import typer


def path(text: str) -> Path:
    """Any bytes that the system takes for a path; an empty one would be the current folder."""
    return Path(word(text))


def word(text: str) -> str:
    """Any text but an empty one.

    Raises:
        typer.BadParameter: It is empty, or blank.
    """
    if not text.strip():
        raise typer.BadParameter("it is empty. Is a variable of your shell not set?")
    return text

"""The network on whatever is installed. An engine is a module here: its name and ``_engine``."""

import pkgutil


def names() -> list[str]:
    """Of the engines' files. None is imported, so that the command can name its choices at once."""
    return [m.name.removesuffix("_engine") for m in pkgutil.iter_modules(__path__) if m.name.endswith("_engine")]


ENGINE_NAMES = ("auto", *names())

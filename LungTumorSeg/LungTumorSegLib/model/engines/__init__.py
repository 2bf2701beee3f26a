"""The network on whatever is installed. An engine is a module here: its name and ``_engine``."""

import pkgutil

# nothing is imported, so that the command can name its choices at once
ENGINE_NAMES = (
    "auto",
    *(m.name.removesuffix("_engine") for m in pkgutil.iter_modules(__path__) if m.name.endswith("_engine")),
)

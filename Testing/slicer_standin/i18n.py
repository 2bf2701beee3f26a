"""`slicer.i18n` for tests, after Base/Python/slicer/i18n.py.

As there the context of a text is the file that asks for it, with its folder where that is a package; it is what Qt
looks the translation up by. Stricter: a translation whose placeholders are not those of the text raises, where Slicer
logs and shows the English text.
"""

import re
import sys
from pathlib import Path

import slicer


def translate(context, text):
    return slicer.app.translate(context, text)


def getContext(sourceFile):
    path = Path(sourceFile)
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


def tr(text):
    context = getContext(sys._getframe(1).f_code.co_filename)
    translated = translate(context, text)
    if _placeholders(translated) != _placeholders(text):
        raise ValueError(f"In context '{context}', {text!r} and its translation {translated!r} differ in placeholders")
    return translated


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"(?<!\{)\{([^{}]+)\}(?!\})", text))

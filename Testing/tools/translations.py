"""``python -m Testing.tools.translations``: brings the panel's translations up to date with its texts.

Texts and contexts are those that Slicer's own Utilities/Scripts/update_translations.py finds: in .py files what stands
in ``_("...")`` and ``translate("context", "...")``, in .ui files every string that is not marked ``notr``. New texts
come into each .ts file unfinished, texts that are gone leave it; then lrelease makes the .qm files, which Slicer loads.
Exit code 1: a text is still without its translation.
"""

import ast
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import PySide6

from Testing.support.paths import MODULE

FOLDER = MODULE / "Resources" / "Translations"


def texts() -> dict[str, list[str]]:
    """The texts of the panel by context, in the order of the files."""
    found: dict[str, list[str]] = {}
    for path in sorted([*MODULE.rglob("*.py"), *MODULE.rglob("*.ui")]):
        for context, text in (_in_ui if path.suffix == ".ui" else _in_python)(path):
            known = found.setdefault(context, [])
            if text not in known:
                known.append(text)
    return dict(sorted(found.items()))


def _in_ui(path: Path):
    root = ET.parse(path).getroot()
    for parent in root.iter():
        for string in parent.findall("string"):
            if string.text and "true" not in (string.get("notr"), parent.get("notr")):
                yield root.findtext("class"), string.text


def _in_python(path: Path):
    package = (path.parent / "__init__.py").is_file()
    context = f"{path.parent.name}.{path.stem}" if package else path.stem
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            values = [x.value for x in node.args if isinstance(x, ast.Constant)]
            if node.func.id == "_":
                yield context, *values
            elif node.func.id == "translate":
                yield tuple(values)


def read(path: Path) -> dict[str, dict[str, str]]:
    """The translations of a .ts file, by context and text; empty where one is unfinished."""
    found: dict[str, dict[str, str]] = {}
    for context in ET.parse(path).getroot().iter("context"):
        messages = found.setdefault(context.findtext("name"), {})
        for message in context.iter("message"):
            translation = message.find("translation")
            messages[message.findtext("source")] = (translation.text or "") if not translation.get("type") else ""
    return found


def write(path: Path, translations: dict[str, dict[str, str]]):
    """A .ts file in the form of Qt's own tools."""
    root = ET.Element("TS", version="2.1", language=path.stem.partition("_")[2], sourcelanguage="en")
    for name, messages in translations.items():
        context = ET.SubElement(root, "context")
        ET.SubElement(context, "name").text = name
        for source, text in messages.items():
            message = ET.SubElement(context, "message")
            ET.SubElement(message, "source").text = source
            ET.SubElement(message, "translation", {} if text else {"type": "unfinished"}).text = text
    ET.indent(root, "    ")
    body = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")


def compile_file(path: Path, target: Path):
    """The .qm file of a .ts file, by PySide6's lrelease."""
    lrelease = Path(PySide6.__file__).parent / "lrelease"
    subprocess.run([lrelease, "-silent", path, "-qm", target], check=True)


def main() -> int:
    missing = 0
    for path in sorted(FOLDER.glob("*.ts")):
        known = read(path)
        new = {c: {t: known.get(c, {}).get(t, "") for t in found} for c, found in texts().items()}
        write(path, new)
        compile_file(path, path.with_suffix(".qm"))
        for context, messages in new.items():
            for source in (source for source, text in messages.items() if not text):
                print(f"{path.name}: {context}: {source!r} is not translated")
                missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

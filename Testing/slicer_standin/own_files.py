"""Slicer's own Python files, run on the stand-in's Qt: loaded from a checkout of Slicer, in the place of ours."""

import importlib.util
import sys
import types
from pathlib import Path

# loaded in this order, each needs those before it
NAMES = ("util", "i18n", "ScriptedLoadableModule", "parameterNodeWrapper")
# What Slicer's files compare the class of a widget with, and the panel has none of
_UNUSED = {
    "ctk": (
        "ctkCheckBox", "ctkCheckablePushButton", "ctkColorPickerButton", "ctkComboBox", "ctkDirectoryButton",
        "ctkDoubleRangeSlider", "ctkDoubleSlider", "ctkDoubleSpinBox", "ctkPathLineEdit", "ctkRangeWidget",
    ),
    "slicer": ("qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox"),
}  # fmt: skip


def load(checkout: Path) -> list[tuple[str, types.ModuleType]]:
    """(name below `slicer`, module) for each. Raises FileNotFoundError when the checkout lacks one."""
    folder = checkout / "Base/Python/slicer"
    for module, names in _UNUSED.items():
        for name in names:
            if not hasattr(sys.modules[module], name):
                setattr(sys.modules[module], name, type(name, (), {"__init__": _refuse}))
    return [(name, _load(folder, name)) for name in NAMES]


def _load(folder: Path, name: str) -> types.ModuleType:
    path = folder / name / "__init__.py" if (folder / name).is_dir() else folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"slicer.{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    setattr(sys.modules["slicer"], name, module)
    spec.loader.exec_module(module)
    return module


def _refuse(self, *arguments):
    raise NotImplementedError(f"the stand-in has no {type(self).__name__}")

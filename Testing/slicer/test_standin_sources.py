"""Every name of the stand-in is one that Python has in Slicer: it stands in the source file that its class names.

Where SLICER_SOURCE (and CTK_SOURCE, for CTK's widgets) names a checkout; without one they are skipped. For C++ that is
a property, a slot, a signal, an invokable method or a decorator of PythonQt; a public method alone is not reached.
"""

import inspect
import os
import re
from pathlib import Path

import pytest

from Testing.slicer_standin import (
    application,
    collapsible_button,
    ctk_widgets,
    dicom_database,
    io_manager,
    modules,
    mrml_widgets,
    qt,
)
from Testing.slicer_standin import slice_views as views
from Testing.support import slicer_source

OF_CTK = [
    collapsible_button.ctkCollapsibleButton, ctk_widgets.ctkSliderWidget, ctk_widgets.ctkMessageBox,
    dicom_database.DICOMDatabase,
]  # fmt: skip
OF_SLICER = [
    application.Application, application.CommandOptions, io_manager.CoreIOManager, modules.ModuleManager,
    modules.ModuleFactoryManager, modules.qSlicerScriptedLoadableModule, modules.qSlicerScriptedLoadableModuleWidget,
    mrml_widgets.qMRMLWidget, mrml_widgets.qMRMLNodeComboBox, views.LayoutManager, views.SliceWidget, views.SliceView,
]  # fmt: skip
FILE = re.compile(r"\b((?:Base|Libs|Modules)/[\w/]+\.h)\b")
LABEL = re.compile(r"^\s*(public|protected|private)?\s*(slots|Q_SLOTS|signals|Q_SIGNALS)?\s*:\s*$", re.MULTILINE)
# of QApplication, where our class does not inherit from it
QTS_OWN = set(dir(qt.QApplication)) | {"applicationName", "applicationVersion"}


def reached_by_python(header: str) -> set[str]:
    """Names that PythonQt makes of a C++ header."""
    header = re.sub(r"//.*|/\*.*?\*/", "", header)
    names = set(re.findall(r"Q_PROPERTY\([^)]*?(\w+)\s+READ", header))
    names |= set(re.findall(r"Q_INVOKABLE[^;(]*?(\w+)\s*\(", header))
    names |= set(re.findall(r"static_\w+?_(\w+)\(", header))
    pieces, public = LABEL.split(header), False
    for access, kind, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        public = kind is not None and ("signal" in kind.lower() or access == "public")
        if public:
            names |= set(re.findall(r"(\w+)\s*\([^;{}]*\)[^;{}]*[;{]", text))
    return names


def own_names(kind: type) -> set[str]:
    """What the stand-in's class adds to Qt's; of a plain one all, with what its instances get."""
    base = next((vars(c)["PYSIDE"] for c in kind.__mro__ if "PYSIDE" in vars(c)), None)
    ours = [
        c for c in kind.__mro__ if c.__module__.startswith("Testing.slicer_standin") and "qt_object" not in c.__module__
    ]
    names = {name for c in ours for name in [*vars(c), *getattr(c, "__slots__", ())]}
    names |= set(re.findall(r"self\.(\w+)(?:, self\.\w+)* = ", inspect.getsource(kind))) if base is None else set()
    return {name for name in names if not name.startswith("_") and not hasattr(base, name)}


def files_of(kind: type, *roots: Path) -> list[Path]:
    named = [name for c in kind.__mro__ for name in FILE.findall(vars(c).get("__doc__") or "")]
    assert named, f"{kind.__name__} names no source file"
    found = [root / name for name in named for root in roots if (root / name).is_file()]
    assert found, f"{named} are in none of the checkouts"
    return found


def assert_stricter(kind: type, *roots: Path):
    names = {name for path in files_of(kind, *roots) for name in reached_by_python(path.read_text("utf-8"))}
    more = own_names(kind) - names - (QTS_OWN if kind is application.Application else set())
    assert more == set()


@pytest.mark.parametrize("kind", OF_SLICER, ids=lambda kind: kind.__name__)
def test_the_stand_in_has_no_name_that_slicer_lacks(kind):
    roots = [Path(os.environ[name]) for name in ("CTK_SOURCE",) if name in os.environ]
    assert_stricter(kind, slicer_source.checkout(), *roots)


@pytest.mark.parametrize("kind", OF_CTK, ids=lambda kind: kind.__name__)
def test_the_stand_in_has_no_name_that_ctk_lacks(kind):
    if "CTK_SOURCE" not in os.environ:
        pytest.skip("CTK_SOURCE names no checkout of CTK")
    assert_stricter(kind, Path(os.environ["CTK_SOURCE"]))


def test_a_public_method_alone_is_not_reached_by_python():
    header = """
    class Thing : public QWidget {
      Q_PROPERTY(int size READ size WRITE setSize)
    public:
      void plain();
      Q_INVOKABLE int asked() const;
    public slots:
      void slot(int value);
    protected slots:
      void hidden();
    signals:
      void told(int);
    };
    """
    assert reached_by_python(header) == {"size", "asked", "slot", "told"}


def test_every_class_of_the_stand_in_names_its_source():
    for kind in [*OF_SLICER, *OF_CTK]:
        assert any(FILE.search(vars(c).get("__doc__") or "") for c in kind.__mro__), kind

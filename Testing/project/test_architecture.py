"""Who may import whom. The arrows themselves are import-linter's contracts in pyproject.toml."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections import deque
from pathlib import Path

import pytest

from Testing.support.paths import MODULE, ROOT

LIBRARY = MODULE / "LungTumorSegLib"
ENGINES = {"keras", "tensorflow", "onnxruntime", "openvino"}
WITH_KERAS = {"h5py"}  # which Keras needs, so that it is there where its weights are looked through
SLICER = {"slicer", "vtk", "qt", "ctk", "vtkmodules", "SampleData"}
# Of the shell's pictures and the report; in Slicer the views are the pictures, and a sentence names what is missing
ONLY_IN_THE_SHELL = {"matplotlib", "jinja2", "weasyprint"}


def imports(path: Path, file_scope_only: bool) -> set[str]:
    """Absolute names of what a file imports; file scope is everything that runs when the file is imported."""
    found = set()
    package = path.relative_to(MODULE if path.is_relative_to(MODULE) else ROOT).parts[:-1]
    todo = deque([ast.parse(path.read_text(encoding="utf-8"), str(path))])
    while todo:
        node = todo.popleft()
        if file_scope_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):  # never runs
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            found.add(base)
            found.update(f"{base}.{name.name}" for name in node.names)
        todo.extend(ast.iter_child_nodes(node))
    return found


def tops(names: set[str]) -> set[str]:
    """Top-level packages, without the standard library."""
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names


def sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(MODULE).with_suffix("").parts).removesuffix(".__init__")


def reached(start: list[Path], file_scope_only: bool) -> set[str]:
    """Packages of others that are imported by these files or by what they import of the library."""
    files = {module_name(path): path for path in sources(LIBRARY)}
    todo, seen, others = deque(start), set(start), set()
    while todo:
        names = imports(todo.popleft(), file_scope_only)
        # a package's own __init__ runs as well
        names |= {".".join(name.split(".")[:i]) for name in names for i in range(1, name.count(".") + 1)}
        others |= tops(names) - {"LungTumorSegLib"}
        new = {files[name] for name in names & files.keys()} - seen
        seen |= new
        todo.extend(new)
    return others


def distributions(packages: set[str]) -> set[str]:
    """Names under which these packages are installed, as in PEP 503."""
    installed = importlib.metadata.packages_distributions()
    return {canonical(installed[package][0]) for package in packages}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def not_in_slicer(packages: set[str]) -> set[str]:
    """Installed names of those packages that 3D Slicer does not bring itself."""
    bundled = requirement_lines((ROOT / "Testing/support/slicer-5.12-packages.txt").read_text(encoding="utf-8"))
    return distributions(packages - SLICER) - set(bundled)


def requirement_lines(text: str) -> dict[str, str]:
    """Name to range of each line that is not a comment."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    found = (re.fullmatch(r"([\w.-]+)\s*(.*)", line) for line in lines if line)
    return {canonical(match[1]): match[2] for match in found}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_arrows_point_one_way():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nThe contracts are in pyproject.toml."


def test_no_engine_is_imported_at_file_scope():
    files = sources(MODULE, ROOT / "training", ROOT / "Testing")
    culprits = {str(f.relative_to(ROOT)) for f in files if tops(imports(f, file_scope_only=True)) & ENGINES}
    assert not culprits, "import keras, tensorflow, onnxruntime and openvino inside the function that needs them"


def test_only_slicer_and_the_module_file_import_slicer():
    allowed = [MODULE / "LungTumorSeg.py", *sources(LIBRARY / "slicer_")]
    files = set(sources(MODULE, ROOT / "training")) - set(allowed)
    culprits = {str(f.relative_to(ROOT)) for f in files if tops(imports(f, file_scope_only=False)) & SLICER}
    assert not culprits


def test_the_module_opens_in_slicer_before_anything_is_installed():
    module = MODULE / "LungTumorSeg.py"
    needed = reached([*([module] if module.exists() else []), *sources(LIBRARY / "slicer_")], file_scope_only=True)
    assert not not_in_slicer(needed), "import them inside the functions that need them"


def test_the_library_is_importable_without_slicer_and_without_any_engine():
    names = [module_name(f) for f in sources(LIBRARY) if "slicer_" not in f.parts and f.stem != "__main__"]
    program = f"""
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ENGINES | SLICER | {"torch", "jax"}}:
            raise ImportError(name + " is blocked by the test")

sys.meta_path.insert(0, Blocked())
for name in {names}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=MODULE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_package_that_the_library_imports_is_declared_and_no_other(project):
    outside_slicer = [f for f in sources(LIBRARY) if "slicer_" not in f.parts]
    used = set().union(*(tops(imports(f, file_scope_only=False)) for f in outside_slicer))
    used -= {"LungTumorSegLib", *ENGINES, *WITH_KERAS}
    extras = [
        line for name in ("cohort", "dicom", "network", "report") for line in project["optional-dependencies"][name]
    ]
    assert distributions(used) == set(requirement_lines("\n".join([*project["dependencies"], *extras])))


def test_only_what_writes_and_sends_dicom_objects_imports_the_extra_packages():
    rooms = sources(LIBRARY / "dicom_out", LIBRARY / "network", LIBRARY / "watch")
    others = [f for f in sources(MODULE) if f not in rooms and tops(imports(f, False)) & {"highdicom", "pynetdicom"}]
    # what the command imports before it has found them
    entrances = [LIBRARY / "dicom_out/export.py", *(LIBRARY / f"network/{name}.py" for name in ("send", "address"))]
    assert others == [] and not reached(entrances, file_scope_only=True) & {"highdicom", "pynetdicom"}


def test_what_slicer_installs_is_what_the_panel_and_the_child_process_import():
    text = (MODULE / "Resources/requirements.txt").read_text(encoding="utf-8")
    needed = reached(sources(LIBRARY / "slicer_", LIBRARY / "worker"), file_scope_only=False)
    assert set(requirement_lines(text)) == not_in_slicer(needed - ENGINES - ONLY_IN_THE_SHELL)


def test_slicer_and_pip_ask_for_the_same_versions(project):
    in_slicer = requirement_lines((MODULE / "Resources/requirements.txt").read_text(encoding="utf-8"))
    declared = requirement_lines("\n".join(project["dependencies"]))
    assert in_slicer == {name: declared[name] for name in in_slicer}
    assert all(versions.startswith(">=") for versions in in_slicer.values()), "ranges: Slicer shares its packages"

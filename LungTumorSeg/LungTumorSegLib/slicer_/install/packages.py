"""Which Python packages the extension needs on this machine, and whether it can have them. Runs nothing."""

import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from slicer.i18n import tr as _

OLDEST_SLICER = (5, 10)
# One module, several packages: exactly one of them may be installed
ONNXRUNTIMES = ("onnxruntime", "onnxruntime-directml", "onnxruntime-gpu")
# What a package is imported as, where that is not its name with "_" for "-"
IMPORTED_AS = {
    "connected-components-3d": "cc3d",
    "pynrrd": "nrrd",
    "scikit-image": "skimage",
    "tensorflow-cpu": "tensorflow",
    **{name: "onnxruntime" for name in ONNXRUNTIMES},
}

# The packages of which one makes an engine usable
ENGINE_PACKAGES = {
    "openvino": ("openvino",),
    "onnxruntime": ONNXRUNTIMES,
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
}


@dataclass(frozen=True)
class Machine:
    """What decides on the packages.

    Attributes:
        system: As `platform.system`.
        processor: As `platform.machine`, in small letters.
        nvidia: A driver for NVIDIA GPUs is loaded.
    """

    system: str
    processor: str
    nvidia: bool

    @classmethod
    def here(cls) -> "Machine":
        """This computer."""
        nvidia = Path("/proc/driver/nvidia/version").exists()  # asked for on Linux only: no process is started
        return cls(platform.system(), platform.machine().lower(), nvidia)


@dataclass(frozen=True)
class Plan:
    """The engine to install.

    Attributes:
        requirement: Its package, as pip takes it.
        disk_gb: The free disk space to ask for, GB.
        reason: Why this engine, for the user.
    """

    engine: str
    requirement: str
    disk_gb: float
    reason: str


@dataclass(frozen=True)
class Check:
    """One line of the verdict before an installation."""

    good: bool
    text: str


def plan(machine: Machine, engine: str = "auto") -> Plan:
    """The engine for a machine (auto), or the packages of a chosen one.

    Disk space is about twice what was measured after an installation on Linux (TensorFlow 1.4 GB, OpenVINO 0.2 GB, ONNX
    Runtime 0.1 GB), since a wheel and what is unpacked from it are there together; with CUDA it is an estimate.

    Args:
        engine: auto | tensorflow | onnxruntime | openvino.
    """
    x86 = machine.processor in ("x86_64", "amd64")
    if engine == "auto":
        if machine.system == "Linux" and machine.nvidia and x86:
            engine = "tensorflow"
        else:
            engine = {"Windows": "onnxruntime", "Darwin": "onnxruntime"}.get(machine.system, "openvino")
    if engine == "tensorflow":
        if machine.system == "Linux" and machine.nvidia:
            return Plan(engine, "tensorflow[and-cuda]>=2.20", 10, _("An NVIDIA GPU is there: TensorFlow with CUDA."))
        package = "tensorflow-cpu" if machine.system == "Linux" and x86 else "tensorflow"
        return Plan(engine, f"{package}>=2.20", 3, _("TensorFlow on the processor: there is no GPU for it here."))
    if engine == "onnxruntime":
        if machine.system == "Windows":
            reason = _("Windows: ONNX Runtime with DirectML, for GPUs of any make (its GPU path was not tried by us).")
            return Plan(engine, "onnxruntime-directml>=1.20", 0.6, reason)
        if machine.system == "Darwin":
            reason = _("macOS: ONNX Runtime, with CoreML where it is there (its GPU path was not tried by us).")
            return Plan(engine, "onnxruntime>=1.20", 0.6, reason)
        return Plan(engine, "onnxruntime>=1.20", 0.6, _("ONNX Runtime on the processor."))
    return Plan("openvino", "openvino>=2025.0", 0.6, _("No GPU that can be used: OpenVINO, the fastest on processors."))


def read_requirements(path: Path) -> list[str]:
    """The lines of a requirements file that name a package and apply to this Python."""
    lines = [line.split("#")[0].strip() for line in Path(path).read_text("utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return [str(r) for r in wanted if r.marker is None or r.marker.evaluate()]


def installed(search_path: list[str] | None = None) -> dict[str, str]:
    """Every package on ``sys.path``, or on another search path.

    Returns:
        Versions by canonical name.
    """
    found = metadata.distributions() if search_path is None else metadata.distributions(path=search_path)
    return {canonicalize_name(d.metadata["Name"]): d.version for d in found if d.metadata["Name"] and d.version}


def missing(requirements: list[str], present: dict[str, str]) -> list[str]:
    """The requirements that are not there, or not in a version that will do.

    Args:
        present: Versions by canonical name, of `installed`.
    """
    return [r for r in requirements if not _is_met(Requirement(r), present)]


def _is_met(requirement: Requirement, present: dict[str, str]) -> bool:
    version = present.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def modules(requirements: list[str]) -> list[str]:
    """What to import to see that requirements work."""
    names = [canonicalize_name(Requirement(r).name) for r in requirements]
    return [IMPORTED_AS.get(name, name.replace("-", "_")) for name in names]


def constraints(present: dict[str, str], ours: set[str]) -> list[str]:
    """Lines for pip that hold everything that was there before us (Slicer's own, other extensions') as it is.

    Args:
        present: Versions by canonical name, of `installed`.
        ours: Names of the packages that we installed.
    """
    lines = []
    for name, version in sorted(present.items()):
        try:
            Version(version)
        except InvalidVersion:
            continue
        if name not in ours:
            lines.append(f"{name}=={version}")
    return lines


def checks(plan: Plan, wheels: Path | None = None, site: Path | None = None) -> list[Check]:
    """What can be seen without starting anything: Slicer, Python, place, disk, the folder of wheels.

    Args:
        plan: Says how much disk space to ask for.
        wheels: A folder to take packages from.
        site: The folder that gets the packages; by default Slicer's own.
    """
    import slicer

    site = site or Path(sysconfig.get_paths()["purelib"])
    version = (int(slicer.app.majorVersion), int(slicer.app.minorVersion))
    python = ".".join(map(str, sys.version_info[:3]))
    free = shutil.disk_usage(site).free / 1e9
    found = [
        Check(
            version >= OLDEST_SLICER,
            _("Slicer {0}.{1}").format(*version)
            if version >= OLDEST_SLICER
            else _("Slicer {0}.{1} is too old; this extension needs 5.10 or newer.").format(*version),
        ),
        Check(sys.version_info >= (3, 11), _("Python {0}").format(python)),
        Check(
            os.access(site, os.W_OK),
            _("Slicer's Python folder can be written.")
            if os.access(site, os.W_OK)
            else _("Slicer's Python folder cannot be written: {0}. Install Slicer into your own folder.").format(site),
        ),
        Check(
            free >= plan.disk_gb,
            _("Disk: {0:.1f} GB free, {1:.1f} GB asked for.").format(free, plan.disk_gb),
        ),
    ]
    if wheels is not None:
        count = len(list(Path(wheels).glob("*.whl"))) if Path(wheels).is_dir() else 0
        found.append(Check(count > 0, _("Folder of wheels: {0} files in {1}").format(count, wheels)))
    return found

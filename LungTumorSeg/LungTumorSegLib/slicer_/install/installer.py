"""Installs, repairs and removes the packages that the extension needs. Only ever on a click.

pip runs in a child process. Everything that was in Slicer's Python before is held by constraints; what we add is
written down, so that it can be removed again.
"""

import json
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import slicer
from packaging.utils import canonicalize_name
from slicer.i18n import tr as _

from ... import telemetry
from . import packages
from .packages import Machine, Plan

RECORD = "LungTumorSeg-packages.json"
_IMPORT = f"""
import importlib, os, sys
os.environ.update({telemetry.VARIABLES})
sys.modules["openvino_telemetry"] = None  # see telemetry.silence
for name in sys.argv[1:]:
    print("importing", name, flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        print("broken", name, type(error).__name__ + ":", str(error).splitlines()[0] if str(error) else "", flush=True)
print("imported all", flush=True)
"""
Steps = Generator[list[str], tuple[int, list[str]], "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """How it went.

    Attributes:
        text: A sentence for the user.
        log: Everything that the child processes printed.
    """

    good: bool
    text: str
    log: str = ""


def launch(arguments: list[str], on_line: Callable[[str], None], on_done: Callable[[int], None]):
    """Run a child process in Slicer's environment. 5.10 can only wait for it; later ones leave the window alive.

    Args:
        on_line: Called with each line that it prints.
        on_done: Called with its exit code.
    """
    run = slicer.util.launchConsoleProcess
    if (int(slicer.app.majorVersion), int(slicer.app.minorVersion)) >= (5, 11):
        run(arguments, useStartupEnvironment=False, blocking=False, logCallback=on_line, completedCallback=on_done)
        return
    process = run(arguments, useStartupEnvironment=False)
    for line in process.stdout:
        on_line(line.rstrip())
        slicer.app.processEvents()
    on_done(process.wait())


class Installer:
    """One for the panel. ``busy`` while a child process is at work.

    Args:
        requirements: The file with the packages that every engine needs.
        python: The interpreter that gets the packages; by default Slicer's.
        machine: By default this one.
        site: Its site-packages, where the record is kept. Where it is given only that is looked at (tests).
    """

    def __init__(self, requirements: Path, *, python: str | None = None, machine: Machine | None = None, site=None):
        self._base = Path(requirements)
        self._python = python or shutil.which("PythonSlicer") or sys.executable
        self._search_path = None if site is None else [str(site)]
        self._site = Path(site or sysconfig.get_paths()["purelib"])
        self.machine = machine or Machine.here()
        self.busy = False

    # ---- what is there

    def plan(self, engine: str = "auto") -> Plan:
        """What `install` would install. An ONNX Runtime that is already there is used as it is."""
        plan = packages.plan(self.machine, engine)
        if plan.engine == "onnxruntime":
            for name in packages.ONNXRUNTIMES:
                if name in self.present():
                    return Plan(plan.engine, name, plan.disk_gb, _("ONNX Runtime is already there ({0}).").format(name))
        return plan

    def requirements(self, plan: Plan) -> list[str]:
        """What a plan installs, as pip takes it: the library's packages and the engine."""
        return [*packages.read_requirements(self._base), plan.requirement]

    def present(self) -> dict[str, str]:
        """Versions of the packages that are there, by name."""
        return packages.installed(self._search_path)

    def missing(self, plan: Plan) -> list[str]:
        """Requirements that are not installed. Quick: packages are not imported, see `verify`."""
        return packages.missing(self.requirements(plan), self.present())

    def engines(self) -> list[str]:
        """Engines whose packages are there; nothing is imported."""
        present = self.present()
        return [e for e, names in packages.ENGINE_PACKAGES.items() if any(name in present for name in names)]

    def checks(self, plan: Plan, wheels: Path | None = None):
        """The verdict before an installation, line by line (`packages.checks`)."""
        return packages.checks(plan, wheels, self._site)

    def recorded(self) -> dict[str, str]:
        """Packages that we installed and that are still there.

        Returns:
            Versions by name.
        """
        try:
            record = json.loads((self._site / RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {name: version for name, version in record.items() if name in self.present()}

    def report(self) -> str:
        """Text for a support request: versions and packages; no file names, nothing about patients."""
        app = slicer.app
        lines = [
            f"Slicer {app.applicationVersion} (revision {app.revision}), Python {platform.python_version()}",
            f"{platform.platform()}, {self.machine}",
            f"plan: {self.plan()}",
            f"missing: {', '.join(self.missing(self.plan())) or 'nothing'}",
            f"installed by LungTumorSeg: {json.dumps(self.recorded())}",
            "all packages:",
            *(f"  {name} {version}" for name, version in sorted(self.present().items())),
        ]
        return "\n".join(lines)

    # ---- what a click starts; each ends with on_done(Verdict)

    def install(self, plan: Plan, on_line, on_done, wheels: Path | None = None):
        """Install what is missing.

        Args:
            on_line: Called with each line of the child processes.
            on_done: Called with the `Verdict` in the end.
            wheels: A folder to take packages from, instead of the network.
        """
        self._drive(self._install(plan, wheels), on_line, on_done)

    def verify(self, plan: Plan, on_line, on_done):
        """Import every requirement in a child, to find an installation that was broken off half-way."""
        self._drive(self._verify(self.requirements(plan)), on_line, on_done)

    def repair(self, plan: Plan, on_line, on_done, wheels: Path | None = None):
        """Install again everything that we once installed, in the same versions, then what is missing.

        Args:
            on_line: As for `install`.
            on_done: As for `install`.
            wheels: As for `install`.
        """
        self._drive(self._repair(plan, wheels), on_line, on_done)

    def remove(self, on_line, on_done):
        """Remove the packages that we installed, and no others."""
        self._drive(self._remove(), on_line, on_done)

    # ---- inside

    def _drive(self, steps: Steps, on_line, on_done):
        """Each step is a command; its exit code and lines go back into the generator."""
        if self.busy or (hasattr(slicer, "packaging") and slicer.packaging.isPipInstallInProgress()):
            on_done(Verdict(False, _("An installation is already under way; wait until it has finished.")))
            return
        self.busy, log = True, []

        def advance(outcome):
            try:
                command = steps.send(outcome)
            except StopIteration as end:
                self.busy = False
                on_done(Verdict(end.value.good, end.value.text, "\n".join(log)))
                return
            lines = []

            def take(line):
                lines.append(line)
                log.append(line)
                on_line(line)

            launch(command, take, lambda code: advance((code, lines)))

        advance(None)

    def _pip(self, *arguments: str) -> list[str]:
        return [self._python, "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input"]

    def _install(self, plan: Plan, wheels: Path | None) -> Steps:
        bad = [check.text for check in self.checks(plan, wheels) if not check.good]
        if bad:
            return Verdict(False, " ".join(bad))
        wanted = self.requirements(plan)
        if not packages.missing(wanted, self.present()):
            return (yield from self._verify(wanted))
        with tempfile.TemporaryDirectory(prefix="lts") as folder:
            held, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
            before = self.present()
            held.write_text("\n".join(packages.constraints(before, set(self.recorded()))), "utf-8")
            source = ["--no-index", "--find-links", str(wheels)] if wheels else []
            common = ["install", *wanted, "--constraint", str(held), *source]
            code, lines = yield self._pip(*common, "--dry-run", "--report", str(report))
            if code:
                return Verdict(False, explain(lines))
            new = {
                canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"]
                for item in json.loads(report.read_text("utf-8"))["install"]
            }
            self._write_record({**self.recorded(), **new})  # before: what is broken off half-way can be repaired
            code, lines = yield self._pip(*common)
            if code:
                return Verdict(False, explain(lines))
        verdict = yield from self._verify(wanted)
        if verdict.good:
            return Verdict(True, _("{0} packages were installed; nothing of Slicer's was changed.").format(len(new)))
        return verdict

    def _verify(self, wanted: list[str]) -> Steps:
        lacking = packages.missing(wanted, self.present())
        if lacking:
            return Verdict(False, _("Not installed: {0}.").format(", ".join(lacking)))
        code, lines = yield [self._python, "-c", _IMPORT, *packages.modules(wanted)]
        broken = [line.split(" ", 2)[1:] for line in lines if line.startswith("broken ")]
        if broken:
            listed = "; ".join(f"{name} ({reason})" for name, reason in broken)
            return Verdict(False, _("Installed but broken: {0}. Click Repair.").format(listed))
        if "imported all" not in lines:
            last = [line.split(" ", 1)[1] for line in lines if line.startswith("importing ")][-1:]
            text = _("Importing {0} ended the test process (code {1}). Click Repair.")
            return Verdict(False, text.format(*(last or ["Python"]), code))
        return Verdict(True, _("Everything needed is installed and works."))

    def _repair(self, plan: Plan, wheels: Path | None) -> Steps:
        again = [f"{name}=={version}" for name, version in self.recorded().items()]
        if again:
            source = ["--no-index", "--find-links", str(wheels)] if wheels else []
            code, lines = yield self._pip("install", "--force-reinstall", "--no-deps", *again, *source)
            if code:
                return Verdict(False, explain(lines))
        return (yield from self._install(plan, wheels))

    def _remove(self) -> Steps:
        names = list(self.recorded())
        if not names:
            return Verdict(True, _("This extension has installed nothing."))
        code, lines = yield self._pip("uninstall", "--yes", *names)
        if code:
            return Verdict(False, explain(lines))
        (self._site / RECORD).unlink(missing_ok=True)
        return Verdict(True, _("{0} packages were removed. Restart Slicer to free them.").format(len(names)))

    def _write_record(self, record: dict[str, str]):
        (self._site / RECORD).write_text(json.dumps(record, indent=1), "utf-8")


def explain(lines: list[str]) -> str:
    """pip's output as one sentence for the user, ending with pip's own last word."""
    text = "\n".join(lines)
    last = next((x for x in reversed(lines) if x.startswith("ERROR")), next(iter(lines[::-1]), ""))
    network = r"NewConnectionError|name resolution|getaddrinfo|Max retries|ProxyError|timed out|ConnectTimeout"
    for pattern, sentence in (
        (r"No space left|not enough space", _("The disk is full.")),
        (r"CERTIFICATE_VERIFY_FAILED|SSLError", _("The network's certificate is not trusted (a proxy?).")),
        (network, _("The package server cannot be reached; use a folder of wheels, or ask for network access.")),
        (r"ResolutionImpossible|conflicting", _("It would change packages of Slicer or of another extension.")),
        (r"Permission denied|Access is denied", _("Slicer's Python folder, or a file in it, cannot be written.")),
        (r"No matching distribution|Could not find a version", _("A package is not there for this computer.")),
    ):
        if re.search(pattern, text, re.IGNORECASE):
            return _("Nothing was installed. {0} ({1})").format(sentence, last)
    return _("The installation failed: {0}").format(last)

"""``python .ci/install.py EXTRAS``: pip installs the library here with these extras, and a line says how far it is."""

import re
import site
import subprocess
import sys
import threading
import time
from pathlib import Path

LOG = Path(".venv/pip.log")
# for a terminal, and for a log file
SECONDS = 1 if sys.stdout.isatty() else 15


class Progress:
    """What pip's lines say so far."""

    def __init__(self):
        self.began, self.before = time.monotonic(), _installed()
        self.found, self.now, self.wanted, self.done = 0, "", 0, False

    def read(self, line: str):
        """A line of pip's output."""
        if line.startswith("Collecting "):
            self.found += 1
        elif match := re.match(r"\s*Downloading (\S+?)-\d\S*\.(?:whl|tar\.gz) (\(.*B\))", line):
            self.now = f"; downloading {match[1]} {match[2]}"
        elif line.startswith("Installing collected packages: "):
            self.wanted = line.count(",") + 1
        elif line.startswith("Successfully installed "):
            self.done = True  # what took the place of another version is no more package than before

    def text(self) -> str:
        if self.wanted:
            installed = self.wanted if self.done else min(self.wanted, _installed() - self.before)
            stage = f"{installed} of {self.wanted} packages installed"
        elif not self.found:
            stage = "getting what builds packages"
        else:
            stage = f"{self.found} packages looked up{self.now}"
        return f"{time.monotonic() - self.began:4.0f} s  {stage}"


def _installed() -> int:
    return sum(1 for folder in site.getsitepackages() for _ in Path(folder).glob("*.dist-info"))


def main(extras: str) -> int:
    print(f"Installing the library with [{extras}] into .venv; the first time this takes some minutes.", flush=True)
    options = ["--disable-pip-version-check", "--progress-bar", "off", "--no-color", "--log", str(LOG)]
    command = [sys.executable, "-m", "pip", "install", *options, "--editable", f".[{extras}]"]
    LOG.unlink(missing_ok=True)
    progress, ended = Progress(), threading.Event()

    def show():
        while not ended.wait(SECONDS):
            print(f"\r{progress.text():<79}" if SECONDS == 1 else progress.text(), end="" if SECONDS == 1 else "\n")
            sys.stdout.flush()

    shown = threading.Thread(target=show)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        shown.start()
        try:
            for line in pip.stdout:
                progress.read(line)
        finally:
            ended.set()
            shown.join()
    print(f"\r{progress.text():<79}" if SECONDS == 1 else progress.text())
    if pip.returncode:
        errors = [line.partition("ERROR: ")[2] for line in LOG.read_text("utf-8").splitlines() if "ERROR: " in line]
        print(*errors[-3:], f"pip could not install the packages. All that it said is in {LOG}.", sep="\n")
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

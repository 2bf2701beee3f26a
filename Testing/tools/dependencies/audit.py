"""``python -m Testing.tools.dependencies.audit``: packages with weaknesses that the Python index knows (pip-audit).

Asks the index for each package by name and version. Exit code 1: there are some; 3: nothing could be checked.
"""

import json
import subprocess
import sys

from packaging.utils import canonicalize_name

from .sbom import wanted

NO_DATA = (
    "The index of known weaknesses can't be asked from here, so nothing was checked. Run this on a computer that "
    "reaches it."
)


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = done.stderr.strip().splitlines()[-1:] or ["pip-audit said nothing"]
        print(f"{NO_DATA} ({last[0]:.200})", file=sys.stderr)
        return 3
    own = wanted()
    return judged([package for package in packages if canonicalize_name(package["name"]) in own])


def judged(packages: list[dict]) -> int:
    """Prints what pip-audit says of packages, and gives the exit code."""
    checked = [package for package in packages if "skip_reason" not in package]
    if not checked:
        print(NO_DATA, file=sys.stderr)
        return 3
    weak = [package for package in checked if package["vulns"]]
    print(f"{len(checked)} of {len(packages)} packages were checked, {len(weak)} have known weaknesses.")
    for package in weak:
        for known in package["vulns"]:
            print(f"  {package['name']} {package['version']}: {known['id']}, mended in {known['fix_versions']}")
    return int(bool(weak))


if __name__ == "__main__":
    sys.exit(main())

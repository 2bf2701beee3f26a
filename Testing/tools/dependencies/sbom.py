"""``python -m Testing.tools.dependencies.sbom [FILE]``: a CycloneDX list of the packages and their licences.

cyclonedx-py lists what is installed beside this Python. Kept is what the project's extras bring, but for those of tests
and documentation. Exit code 1: a licence that is neither permissive nor known here.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from Testing.support.paths import ROOT

PROJECT = "lungtumorseglib"
OTHER_EXTRAS = ("test", "docs")
PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0",
    "Python-2.0", "Unlicense", "Zlib",
}  # fmt: skip
# as classifiers and free texts name them
NAMES = {
    "OSI Approved :: Apache Software License": "Apache-2.0", "OSI Approved :: BSD License": "BSD-3-Clause",
    "OSI Approved :: ISC License (ISCL)": "ISC", "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "OSI Approved :: Python Software Foundation License": "PSF-2.0", "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0", "Apache 2.0": "Apache-2.0", "BSD": "BSD-3-Clause", "MIT License": "MIT",
}  # fmt: skip
# whose packages state none, or not in a way that a program reads; looked up in their sources
STATED_ELSEWHERE = {
    "keras": "Apache-2.0", "namex": "Apache-2.0", "partd": "BSD-3-Clause", "protobuf": "BSD-3-Clause",
}  # fmt: skip
# Not permissive, and used all the same: each is a library of its own beside the program, unchanged, which anybody may
# exchange. Known under this licence alone; where a package states several, one may choose
WEAK_COPYLEFT = {
    "certifi": ("MPL-2.0", "a list of certificates, of unearth, which fetches the demonstration's CTs"),
    "connected-components-3d": ("LGPL-3.0-or-later", "connected components"),
    "pyphen": ("MPL-1.1", "hyphens, of WeasyPrint (extra report)"),
}


def wanted() -> set[str]:
    """Names of the packages that the project and its extras bring here, theirs too."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = extras["optional-dependencies"]
    lines = [*extras["dependencies"], *(line for name in groups if name not in OTHER_EXTRAS for line in groups[name])]
    found: set[str] = set()
    waiting = [(Requirement(line), "") for line in lines]
    while waiting:
        requirement, of_extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": of_extra}):
            continue
        key = f"{name}[{','.join(sorted(requirement.extras))}]"
        if name == PROJECT or key in found:
            continue
        try:
            theirs = distribution(name).requires or []
        except PackageNotFoundError:  # for another system
            continue
        found |= {name, key}
        waiting += [(Requirement(line), extra) for line in theirs for extra in ("", *requirement.extras)]
    return {name for name in found if "[" not in name}


def licences(component: dict) -> set[str]:
    """Of a component, as SPDX names; an expression stays one."""
    name = canonicalize_name(component["name"])
    said = {
        entry.get("expression") or entry["license"].get("id") or entry["license"].get("name", "")
        for entry in component.get("licenses", [])
    }
    said = {NAMES.get(text.removeprefix("License :: "), text) for text in said}
    return said or {text for text in (STATED_ELSEWHERE.get(name),) if text}


def is_permissive(text: str) -> bool:
    """Whether a licence is, or each part of an expression with AND, or one of an expression with OR."""
    parts = re.split(r"\s+AND\s+", text.strip("() "))
    return all(any(one.strip("() ") in PERMISSIVE for one in re.split(r"\s+OR\s+", part)) for part in parts)


def listed(path: Path) -> dict:
    """The list of cyclonedx-py, written to a file and cut down to what is wanted."""
    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "environment", sys.executable, "--pyproject", ROOT / "pyproject.toml",
         "--output-format", "JSON", "--output-file", path],
        check=True,
    )  # fmt: skip
    content, keep = json.loads(path.read_text("utf-8")), wanted()
    content["components"] = [c for c in content["components"] if canonicalize_name(c["name"]) in keep]
    for component in content["components"]:
        if not component.get("licenses") and (known := licences(component)):
            component["licenses"] = [{"license": {"id": text}} for text in sorted(known)]
    kept = {component["bom-ref"] for component in content["components"]}
    kept.add(content["metadata"]["component"]["bom-ref"])
    content["dependencies"] = [
        entry | {"dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in kept]}
        for entry in content["dependencies"]
        if entry["ref"] in kept
    ]
    path.write_text(json.dumps(content, indent=1), "utf-8")
    return content


def report(content: dict) -> list[str]:
    """Prints the packages that are not plainly permissive.

    Returns:
        Those that nobody has looked at.
    """
    unknown, weak = [], []
    for component in sorted(content["components"], key=lambda c: canonicalize_name(c["name"])):
        name, said = canonicalize_name(component["name"]), licences(component)
        known, purpose = WEAK_COPYLEFT.get(name, ("", ""))
        if known in said:
            weak.append(f"{name} {component['version']}: {known}, {purpose}")
        elif not said or not all(map(is_permissive, said)):
            unknown.append(f"{name} {component['version']}: {', '.join(sorted(said)) or 'says no licence'}")
    count = len(content["components"])
    print(f"{count} packages, {count - len(weak) - len(unknown)} of them under permissive licences.")
    for title, lines in (("Weak copyleft:", weak), ("Not permissive, or not known:", unknown)):
        if lines:
            print(title, *lines, sep="\n  ")
    return unknown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", metavar="FILE", type=Path, default=ROOT / "build" / "sbom.json")
    place = parser.parse_args().file
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "sbom.json")
        unknown = report(listed(made))
        place.write_bytes(made.read_bytes())
    print(f"CycloneDX list: {place}")
    return int(bool(unknown))


if __name__ == "__main__":
    sys.exit(main())

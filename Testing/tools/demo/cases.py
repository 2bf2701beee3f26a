"""Two real chest CTs with a tumour mask each, from the source distribution of pyradiomics 3.0.1.

Both have 5 mm slices. The first tumour is 14 mm on three slices (1.36 ml), the second 48 ml. No model is ever trained
on them. pyradiomics' licence (BSD-3) covers its code; where the CTs come from is not stated in it.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = "pyradiomics==3.0.1"
SHA256 = {
    "lung1_image.nrrd": "379fa48bf34cfa961e6f5ec19c0c38757a30b9aa884212ef28dc29b5061c64ed",
    "lung1_label.nrrd": "e9d9a88054d7bc1d3034193ff907ce6b8c6ba28a7bc3a16f23728982d1b6b50a",
    "lung2_image.nrrd": "aa2b94eec79127ed786798ac8dc3c013010e1692d5787bebfae1a1e9685a4651",
    "lung2_label.nrrd": "cef52738dc51aab69a48fe30639da956d2b911b1c2920439c091fab84727657a",
}


class DemoDataError(Exception):
    """The CTs are not there and cannot be fetched, or are not the right ones."""


@dataclass(frozen=True)
class Case:
    """image, label: NRRD files on one grid; the label is not 0 in the tumour. least_dice: the floor of accuracy."""

    name: str
    image: Path
    label: Path
    least_dice: float


def obtain(folder: Path | None = None) -> list[Case]:
    """The two cases, from ``folder`` if given, else from the cache, else fetched into it.

    Raises DemoDataError: no network, a file is missing, or its SHA256 is another.
    """
    if folder is None:
        folder = cache_folder()
        if not all((folder / name).is_file() for name in SHA256):
            _fetch(folder)
    check(folder)
    return [
        Case(name, folder / f"{name}_image.nrrd", folder / f"{name}_label.nrrd", least)
        for name, least in (("lung1", 0.60), ("lung2", 0.70))
    ]


def cache_folder() -> Path:
    """Where the platform keeps what can be fetched again; XDG_CACHE_HOME goes first."""
    if "XDG_CACHE_HOME" in os.environ:
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "LungTumorSeg" / "demo"


def check(folder: Path):
    """Raises DemoDataError when a file is missing or is not the released one."""
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise DemoDataError(f"{path} is missing: it is part of the source distribution of {SOURCE} (folder data).")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise DemoDataError(f"{path} is not the released file (its SHA256 is {found}): delete it and try again.")


def _fetch(folder: Path):
    # unearth and not pip: pip runs the distribution's set-up code, which fails on Python 3.12
    from unearth import PackageFinder

    index, further_indexes, links = _pip_sources()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        finder = PackageFinder(index_urls=index[-1:], no_binary=["pyradiomics"])  # without one, pip's own default
        for url in further_indexes:
            finder.add_index_url(url)
        for link in links:
            finder.add_find_links(link)
        try:
            best = finder.find_best_match(SOURCE).best
            unpacked = best and finder.download_and_unpack(best.link, temporary)
        except Exception as error:  # of httpx or requests, by unearth's version
            raise DemoDataError(_no_network(error)) from error
        if unpacked is None:
            raise DemoDataError(_no_network("no package index has it"))
        found = {path.name: path for path in Path(unpacked).rglob("*.nrrd") if path.name in SHA256}
        ready = Path(temporary) / "ready"
        ready.mkdir()
        for name, path in found.items():
            shutil.move(path, ready / name)
        check(ready)
        folder.mkdir(exist_ok=True)
        for name in SHA256:
            (ready / name).replace(folder / name)


def _no_network(reason) -> str:
    return (
        f"The two demonstration CTs come with {SOURCE}, which cannot be fetched ({reason}). Without network, unpack "
        "its source distribution by hand and give its folder data with --input."
    )


def _pip_sources() -> tuple[list[str], list[str], list[str]]:
    """Index, further indexes and folders that pip is set up to use on this machine."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    settings: dict[str, list[str]] = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        # written as Python strings; several values are parted by spaces
        settings.setdefault(key.rpartition(".")[2], []).extend(shlex.split(value)[0].split() if value else [])
    return tuple(settings.get(key, []) for key in ("index-url", "extra-index-url", "find-links"))

"""What is packaged, and what the extension catalog checks before it lists an extension."""

import json
import re
import struct
import subprocess
import tomllib
from pathlib import Path

import pytest

from Testing.support.paths import MODULE, ROOT

HOME = "https://github.com/LungTumorSeg/LungTumorSeg"
# files of the library that are no code
DATA = ("/py.typed", "/report/follow_up.html", "/report/page.css", "/report/page.html", "/report/parts.html")
RAW = "https://raw.githubusercontent.com/LungTumorSeg/LungTumorSeg/main/"


def git(*arguments: str) -> str:
    """Output of git here; a copy of the sources without their history skips the test."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git clone")
    done = subprocess.run(["git", "-c", "core.quotePath=false", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked(folder: Path) -> list[str]:
    """Files that git knows in a folder and that are still there, relative to it."""
    names = git("ls-files", "--", str(folder)).splitlines()
    return sorted((ROOT / n).relative_to(folder).as_posix() for n in names if (ROOT / n).is_file())


def cmake_set(path: Path, variable: str) -> list[str]:
    """The words of one set() in a CMake file."""
    match = re.search(rf"^set\({variable}\s+([^)]*)\)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert match, f"{path.name} has no set({variable} ...)"
    return match[1].replace('"', "").split()


def extension(variable: str) -> str:
    """A line of the extension's metadata, read as the catalog's checker reads it."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.findall(rf'^set\(EXTENSION_{variable} "([^"\n]+)"\)$', text, re.MULTILINE)
    assert len(found) == 1, f'CMakeLists.txt needs exactly one line: set(EXTENSION_{variable} "...")'
    return found[0]


@pytest.mark.parametrize(
    ("variable", "wanted"),
    [
        ("MODULE_PYTHON_SCRIPTS", lambda name: name.endswith(".py")),
        ("MODULE_PYTHON_RESOURCES", lambda name: name.startswith("Resources/") or name.endswith(DATA)),
    ],
)
def test_every_file_of_the_module_is_packaged(variable, wanted):
    listed = cmake_set(MODULE / "CMakeLists.txt", variable)
    there = [name for name in tracked(MODULE) if wanted(name)]
    assert listed == there, f"LungTumorSeg/CMakeLists.txt must have these lines:\nset({variable}\n" + "".join(
        f"  {name}\n" for name in there
    )


def test_no_file_lies_in_the_module_that_is_neither_script_nor_resource():
    strays = [n for n in tracked(MODULE) if not (n.endswith((".py", *DATA)) or n.startswith("Resources/"))]
    assert strays == ["CMakeLists.txt"]


def test_project_catalog_entry_and_module_have_one_name():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.findall(r"project\s*\(\s*([^\s)]+)", text) == ["LungTumorSeg"]
    assert (ROOT / "LungTumorSeg.json").is_file()
    assert cmake_set(MODULE / "CMakeLists.txt", "MODULE_NAME") == ["LungTumorSeg"]


def test_the_metadata_is_complete():
    assert extension("HOMEPAGE") == HOME
    assert extension("CONTRIBUTORS")
    assert 40 < len(extension("DESCRIPTION")) < 300
    assert extension("DEPENDS") == "NA"


def test_icon_and_screenshots_are_in_the_repository():
    urls = [extension("ICONURL"), *extension("SCREENSHOTURLS").split()]
    assert all(url.startswith(RAW) for url in urls)
    missing = [url for url in urls if url.removeprefix(RAW) not in tracked(ROOT)]
    assert not missing


def test_the_icon_is_a_png_of_128_pixels():
    head = (ROOT / extension("ICONURL").removeprefix(RAW)).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (128, 128)


def test_the_catalog_entry_has_the_keys_of_the_schema():
    content = (ROOT / "LungTumorSeg.json").read_bytes()
    assert b"\r" not in content
    entry = json.loads(content)
    assert set(entry) == {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "scm_revision",
        "scm_url",
        "tier",
    }
    assert entry["category"] == "Segmentation"
    assert entry["scm_url"] == HOME
    assert entry["build_dependencies"] == []
    assert entry["tier"] in range(1, 6)


def test_the_licence_is_apache_2():
    words = (ROOT / "LICENSE.txt").read_text(encoding="utf-8").split()
    assert words[:4] == ["Apache", "License", "Version", "2.0,"]
    assert len(words) == 1581  # the whole text with its appendix


def test_no_file_is_larger_than_10_mb():
    large = {name for name in tracked(ROOT) if (ROOT / name).stat().st_size > 10e6}
    assert not large


def test_a_clone_with_its_history_stays_far_below_the_catalogs_100_mb(tmp_path):
    # a clone of its own, packed as a server packs it: objects that are loose here take 2 MB more
    git("clone", "--quiet", "--bare", "--no-local", "--single-branch", str(ROOT), str(tmp_path / "clone"))
    history_mb = sum(file.stat().st_size for file in (tmp_path / "clone/objects").rglob("*") if file.is_file()) / 2**20
    assert history_mb < 60


def test_the_citation_names_the_librarys_version():
    version = re.search(r'__version__ = "(.+)"', (MODULE / "LungTumorSegLib/__init__.py").read_text())[1]
    assert (
        re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)[1] == version
    )


def test_python_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    script = ["sh", ROOT / ".ci/python-versions.sh", "demo"]
    versions = subprocess.run(script, capture_output=True, text=True, check=True).stdout.split()
    first, last = (min(versions), max(versions))
    assert project["requires-python"] == f">={first},<3.{int(last[2:]) + 1}"


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_link_of_the_readme_to_a_file_leads_somewhere(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'(?:src|href)="([^"#]+)"', text)
    local = [target for target in targets if "://" not in target]
    assert local, "the README shows a picture and names the licence"
    assert not [target for target in local if not (ROOT / target).is_file()]


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_link_of_the_readme_to_a_section_leads_to_one(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_both_readmes_have_the_same_sections_and_commands():
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    levels = [
        re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
        for text in (english, chinese)
    ]
    assert levels[0] == levels[1]
    blocks = [re.findall(r"```(?:sh|python)\n(.*?)```", text, re.DOTALL) for text in (english, chinese)]
    assert [strip_comments(b) for b in blocks[0]] == [strip_comments(b) for b in blocks[1]]


def strip_comments(block: str) -> list[str]:
    """Lines of code; the comments are translated."""
    lines = (re.sub(r"\s*(^|\s)#.*", "", line).rstrip() for line in block.splitlines())
    return [line for line in lines if line]

"""README and documentation: short, linked, and complete where the command and the messages are concerned."""

import re

import pytest
import typer
from LungTumorSegLib.cli.app import app

from Testing.support.paths import ROOT

DOCS = sorted((ROOT / "docs").rglob("*.md"))
MOST_WORDS = 1400


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_is_short(name):
    assert len((ROOT / name).read_text("utf-8").split()) <= MOST_WORDS


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    missing = [t for t in targets if "://" not in t and not (page.parent / t).is_file()]
    # the hook brings the README's pictures
    assert [t for t in missing if not (ROOT / "Resources/Screenshots" / t.removeprefix("pictures/")).is_file()] == []


def test_the_pages_name_every_option_of_the_command():
    command = typer.main.get_command(app)
    options = {o for sub in command.commands.values() for p in sub.params for o in p.opts if o.startswith("--")}
    text = (ROOT / "docs/command.md").read_text("utf-8")
    assert sorted(o for o in options if f"`{o}`" not in text) == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in DOCS]
    assert [page for page in pages if page not in navigation] == []


def test_the_proofs_of_the_claims_are_there():
    text = (ROOT / "docs/claims.md").read_text("utf-8")
    there = {path.name for path in (ROOT / "Testing").rglob("test_*.py")}
    named = set(re.findall(r"(test_\w+\.py)", text))
    assert len(named) > 15 and named <= there

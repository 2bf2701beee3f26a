"""The list of what the program depends on, and what its command says where it can't ask."""

import json
import os
import subprocess
import sys

import pytest

from Testing.support.paths import ROOT
from Testing.tools.dependencies import audit, sbom


@pytest.mark.parametrize(
    ("said", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-2-Clause", True),
        ("BSD-3-Clause AND 0BSD AND MIT", True),
        ("(MIT OR GPL-3.0-only) AND ISC", True),
        ("MIT AND GPL-3.0-only", False),
        ("LGPL-3.0-or-later", False),
        ("", False),
    ],
)
def test_an_expression_of_licences_is_read(said, permissive):
    assert sbom.is_permissive(said) == permissive


def test_the_packages_are_those_of_the_product_and_not_of_its_tests():
    names = sbom.wanted()
    assert {"numpy", "simpleitk", "pydicom", "openvino", "tensorflow-cpu", "h5py", "weasyprint", "pynetdicom"} <= names
    assert not names & {"pytest", "ruff", "mkdocs", "slicer-core", "lungtumorseglib"}


def test_a_licence_that_nobody_has_looked_at_is_named(capsys):
    components = [
        {"name": "free", "version": "1", "licenses": [{"license": {"id": "MIT"}}]},
        {"name": "strict", "version": "2", "licenses": [{"license": {"id": "AGPL-3.0-only"}}]},
        {"name": "silent", "version": "3"},
        {"name": "certifi", "version": "4", "licenses": [{"license": {"id": "MPL-2.0"}}]},
        {"name": "pyphen", "version": "5", "licenses": [{"license": {"id": "AGPL-3.0-only"}}]},  # known under another
    ]
    left = ["pyphen 5: AGPL-3.0-only", "silent 3: says no licence", "strict 2: AGPL-3.0-only"]
    assert sbom.report({"components": components}) == left
    said = capsys.readouterr().out
    assert "5 packages, 1 of them under permissive licences." in said and "certifi 4: MPL-2.0" in said


def test_the_documentation_names_each_package_that_is_not_permissive():
    text = (ROOT / "docs/security.md").read_text("utf-8")
    assert [name for name in sbom.WEAK_COPYLEFT if f"`{name}`" not in text] == []


@pytest.mark.long
def test_every_package_is_in_the_list_with_its_licence(tmp_path):
    made = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "Testing.tools.dependencies.sbom", str(made)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(made.read_text("utf-8"))
    assert content["bomFormat"] == "CycloneDX"
    assert sbom.wanted() == {sbom.canonicalize_name(component["name"]) for component in content["components"]}
    assert all(component["licenses"] for component in content["components"])


def test_where_the_index_cannot_be_asked_a_sentence_says_that_nothing_was_checked(tmp_path):
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "PIP_NO_CACHE_DIR": "1"}
    environment = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"} | nowhere | {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "Testing.tools.dependencies.audit"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(audit.NO_DATA) and "Traceback" not in done.stderr


def test_known_weaknesses_are_named(capsys):
    weak = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    assert audit.judged([weak, {"name": "b", "skip_reason": "not there"}]) == 1
    assert "CVE-1, mended in ['2']" in capsys.readouterr().out
    assert audit.judged([weak | {"vulns": []}]) == 0
    assert audit.judged([{"name": "b", "skip_reason": "not there"}]) == 3

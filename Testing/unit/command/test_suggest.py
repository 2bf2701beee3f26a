"""``--suggest`` of one CT: off by default, in table, record and report, and what is missing is said."""

import csv
import json

import pytest

from Testing.support import phantoms
from Testing.support.command_case import run

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")


def texts(output):
    record = json.loads((output / "result.json").read_text("utf-8"))
    return record, [each["text"] for each in record.get("suggestions", [])]


def test_a_baseline_ct_gets_its_suggestions(small_file, output):
    asked = ("--suggest", "lung-rads,bts,fleischner", "--screening", "baseline")
    ended = run("segment", small_file, "-o", output, *asked, "--report", *POINT)
    assert ended.exit_code == 0, ended.stderr
    record, (lung_rads, bts, fleischner) = texts(output)
    assert lung_rads.startswith("Lung-RADS v2022: 4B (solid, mean diameter ") and "not a decision" in lung_rads
    assert bts == "BTS 2015: not applicable: needs known cancer."
    assert fleischner == "Fleischner 2017: not applicable: it is not for screening."
    printed = " ".join(ended.stdout.split())
    page = " ".join((output / "report.html").read_text("utf-8").split())
    for text in (lung_rads, bts, fleischner):
        assert f"Lesion 1: {text}" in printed and text in page
    with (output / "suggestions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["lesion"], row["categories"]) for row in rows] == [("1", "4B"), ("1", ""), ("1", "")]
    assert "suggestions.csv" in record["files"]
    ended = run("segment", small_file, "-o", output, "--overwrite", *POINT)  # without it there is none, nor an old one
    assert ended.exit_code == 0 and "Lung-RADS" not in ended.stdout
    assert texts(output)[1] == [] and not (output / "suggestions.csv").exists()


def test_an_annual_ct_alone_needs_the_earlier_one(small_file, output):
    ended = run(
        "segment", small_file, "-o", output, "--suggest", "lung-rads", "--screening", "annual", "--json", *POINT
    )
    assert ended.exit_code == 0, ended.stderr
    assert texts(output)[1] == ["Lung-RADS v2022: not applicable: needs an earlier CT."]
    assert json.loads(ended.stdout.splitlines()[-1])["suggestions"][0]["categories"] == []


@pytest.mark.parametrize(
    "option", [("--suggest", "esti"), ("--suggest", "bts", "--screening", "yes"), ("--age", "60"), ("--no-cancer",)]
)
def test_wrong_words_and_facts_for_nobody_are_wrong_use(small_file, output, option):
    assert run("segment", small_file, "-o", output, *option).exit_code == 2
    assert not output.exists()

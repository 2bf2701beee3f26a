"""Inputs that once ended in something else than a result or a sentence: each was found by fuzzing, and is mended.

A new one comes from the folder that ``make fuzz`` names, without its outcome.txt; its own folder says what was wrong.
"""

import pytest

from Testing.support.paths import ROOT
from Testing.tools.fuzz import __main__ as fuzz
from Testing.tools.fuzz import formats
from Testing.tools.fuzz.judge import files_in, judged

CORPUS = ROOT / "Testing" / "corpus"
ELSEWHERE = ("scene",)  # Testing/slicer: with Slicer's libraries
CASES = [folder for folder in sorted(CORPUS.glob("*/*")) if folder.parent.name not in ELSEWHERE]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Every format once: what is loaded at first use counts for no input."""
    for name in sorted({case.parent.name for case in CASES}):
        kind = formats.named(name)
        for files in kind.seeds():
            outcome = judged(kind, files, tmp_path_factory.mktemp("seed"))
            assert outcome.explained, outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_an_input_that_failed_once_is_read_or_refused(case, tmp_path, ready):
    outcome = judged(formats.named(case.parent.name), files_in(case), tmp_path)
    assert outcome.explained, f"{outcome.kind}: {outcome.text}"


def test_the_corpus_has_known_formats_and_is_small():
    assert {folder.name for folder in CORPUS.iterdir()} <= set(formats.FILES)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 1_000_000


@pytest.mark.parametrize(("words", "said"), [(["ct"], "no such format"), (["--inputs", "0", "nrrd"], "1 or more")])
def test_wrong_use_of_the_fuzzing_is_told(words, said, monkeypatch, capsys):
    """Such a format ended in a traceback; without inputs nothing was found, as if all were well."""
    monkeypatch.setattr("sys.argv", ["fuzz", *words])
    with pytest.raises(SystemExit, match="2"):
        fuzz.main()
    assert said in capsys.readouterr().err

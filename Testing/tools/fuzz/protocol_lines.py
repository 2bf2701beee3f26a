"""Lines between the panel and the child process, in both directions.

Requests go to the child's own loop, with a model that is not there, so that no network runs. Answers come from a
program in the child's place, and the client takes them.
"""

import io
import json
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from unittest.mock import patch

from LungTumorSegLib import record
from LungTumorSegLib.data import Options
from LungTumorSegLib.model import bundle
from LungTumorSegLib.worker import protocol, server
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import results

from . import mutate
from .judge import Files, Format

_private = tempfile.TemporaryDirectory(prefix="fuzz-")  # removed when the process ends
LINES, FOLDER, NUMBER = "lines.txt", "@folder@", "@number@"
# in the child's place: for each request the lines of a file, and at last an error, so that nobody waits for ever
PROGRAM = """
import json, os, shutil, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["type"] == "quit":
        break
    here = os.path.dirname(os.path.abspath(__file__))
    for name in os.listdir(os.path.join(here, "result")):
        shutil.copy(os.path.join(here, "result", name), request["folder"])
    with open(os.path.join(here, "lines.txt"), "rb") as file:
        text = file.read().replace(b"@folder@", request["folder"].encode()).replace(b"@number@", request["id"].encode())
    last = {"v": 1, "id": request["id"], "type": "error", "error": "EngineError", "message": "Enough.", "traceback": ""}
    sys.stdout.buffer.write(text + b"\\n" + json.dumps(last).encode() + b"\\n")
    sys.stdout.flush()
"""


def _line(**message) -> dict:
    return {"v": protocol.VERSION, "id": NUMBER, **message}


@cache
def _request_seeds() -> list[Files]:
    ct, options = results.make_ct(), record.options_record(Options(model=Path("nowhere")))
    with tempfile.TemporaryDirectory() as name:
        described = protocol.hand_over(ct, Path(name))
    lesion = record.lesion_record(results.make_result(ct).lesions[0])
    asked = {"folder": FOLDER, "ct": described, "options": options}
    return [
        _written(_line(type="run", **asked)),
        _written(_line(type="explain", kind="heat", lesion=lesion, point_lps=[1.0, 2.0, 3.0], **asked)),
        _written(_line(type="warm", options=options), _line(type="quit")),
    ]


@cache
def _answer_seeds() -> list[Files]:
    step = _line(type="progress", stage="engine", done=1, total=4, seconds_left=2.5)
    error = _line(type="error", error="NotACTError", message="It is none.", traceback="Traceback")
    return [_written(step, _line(type="result", folder=FOLDER)), _written(step, error)]


def _written(*messages: dict) -> Files:
    return {LINES: "".join(json.dumps(m, default=str) + "\n" for m in messages).encode()}


def _damaged(rng: Random, files: Files) -> Files:
    lines = files[LINES].splitlines()
    at = rng.randrange(len(lines))
    lines[at] = mutate.json_text(rng, lines[at])
    if rng.random() < 0.1:
        lines.insert(at, rng.choice((b"", b"\xff\xfe", b"{}", b"x" * 100_000, b"null", lines[at])))
    return {LINES: b"\n".join(lines) + b"\n"}


def _requests(folder: Path) -> None:
    private = Path(tempfile.mkdtemp(prefix=protocol.FOLDER_PREFIX))
    ct = results.make_ct()
    protocol.hand_over(ct, private)
    result = results.make_result(ct)
    protocol.hand_over_lesion(result.lesions[0], result.masks[0], None, private)
    content = (folder / LINES).read_bytes().replace(FOLDER.encode(), str(private).encode())
    answers = io.StringIO()
    with patch.object(bundle, "default_path", lambda: Path("nowhere")):  # a line may ask for it, and it would run
        server.serve(io.TextIOWrapper(io.BytesIO(content), "utf-8", "replace"), answers, 1)
    for line in answers.getvalue().splitlines():
        assert protocol.parse(line) is not None, line
    for path in private.glob("*"):  # a damaged line may not name it; the caller removes it then
        path.unlink()
    if private.exists():
        private.rmdir()


@cache
def _client() -> tuple[WorkerClient, Path]:
    place = Path(_private.name)
    (place / "result").mkdir()
    ct = results.make_ct()
    record.save(results.make_result(ct), ct, place / "result")
    (place / "program.py").write_text(PROGRAM)
    python = place / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -S {place}/program.py\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return WorkerClient(python), place


def _answers(folder: Path) -> None:
    client, place = _client()
    (place / LINES).write_bytes((folder / LINES).read_bytes())
    client.segment(results.make_ct())


FORMATS = (
    Format("requests", _request_seeds, _damaged, _requests),
    Format("answers", _answer_seeds, _damaged, _answers, own_words=False),
)

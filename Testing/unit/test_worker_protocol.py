"""The child process from outside: one JSON object a line."""

import json
import os
import subprocess
import sys

from LungTumorSegLib import errors, record
from LungTumorSegLib.data import Options
from LungTumorSegLib.worker import protocol

from Testing.support import results
from Testing.support.paths import MODULE

# for what has to happen, not how fast: two cores may be busy with other things
PATIENCE_SECONDS = 120


def _child(*arguments, code=None):
    start = ["-c", code] if code else ["-m", "LungTumorSegLib.worker", *arguments]
    return subprocess.Popen(
        [sys.executable, *start],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(MODULE)},
    )


def test_the_protocol_is_one_json_object_a_line_and_quit_ends_it():
    with _child() as child:
        hello = json.loads(child.stdout.readline())
        assert (hello["v"], hello["type"], hello["pid"]) == (1, "hello", child.pid)
        protocol.send(child.stdin, {"type": "dance", "id": "7"})
        answer = json.loads(child.stdout.readline())
        assert (answer["v"], answer["id"], answer["type"], answer["error"]) == (1, "7", "error", "WorkerError")
        for no_path in ("\0", "\ud800"):
            request = {"type": "run", "id": "8", "folder": protocol.FOLDER_PREFIX + no_path}
            protocol.send(child.stdin, request)
            assert json.loads(child.stdout.readline())["type"] == "error"
        protocol.send(child.stdin, {"type": "quit"})
        assert child.wait(PATIENCE_SECONDS) == 0


def test_the_child_removes_the_voxels_of_its_own_folder_before_it_answers(tmp_path):
    own, other = tmp_path / f"{protocol.FOLDER_PREFIX}run", tmp_path / "of somebody else"
    with _child() as child:
        child.stdout.readline()
        for folder, kept in ((own, False), (other, True)):
            folder.mkdir()
            request = {"type": "run", "id": "1", "folder": str(folder), "options": record.options_record(Options())}
            protocol.send(child.stdin, request | {"ct": protocol.hand_over(results.make_ct(), folder)})
            while (answer := json.loads(child.stdout.readline()))["type"] == "progress":
                pass
            assert answer["type"] == "error"  # a phantom without lungs
            assert bool(list(folder.iterdir())) is kept
        protocol.send(child.stdin, {"type": "quit"})
        assert child.wait(PATIENCE_SECONDS) == 0


def test_the_end_of_input_ends_the_child():
    with _child() as child:
        child.stdout.readline()
        child.stdin.close()
        assert child.wait(PATIENCE_SECONDS) == 0


def test_what_libraries_print_goes_to_standard_error():
    code = (
        "import os; from LungTumorSegLib.worker import protocol, server\n"
        "_, answers = server.own_standard_streams()\n"
        "print('from Python', flush=True); os.write(1, b'from C\\n'); os.system('echo from a shell')\n"
        "protocol.send(answers, {'type': 'hello'})\n"
    )
    with _child(code=code) as child:
        out, err = child.communicate()
    assert json.loads(out) == {"v": 1, "type": "hello"}
    assert {"from Python", "from C", "from a shell"} <= set(err.splitlines())


def test_every_error_class_crosses_the_pipe_as_itself():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.LungTumorSegError)]
    assert len(kinds) > 10
    for kind in kinds:
        back = protocol.error_from(protocol.error_fields(kind("What is wrong."), "trace"), "log")
        assert (type(back), str(back), back.log) == (kind, "What is wrong.", "log\ntrace")

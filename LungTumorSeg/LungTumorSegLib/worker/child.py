"""The child process as its parent sees it: started, asked, listened to, ended."""

import contextlib
import os
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from .. import telemetry
from ..errors import WorkerError
from . import protocol

_LIBRARY = Path(__file__).resolve().parents[2]
_LOG_LINES = 200
_LONGEST_LOG_LINE = 2000
_LONGEST_ANSWER = 1 << 24  # the longest is an error with its traceback
_QUIT_SECONDS = 0.5


class Child:
    """The process, and the threads that read from it.

    Args:
        command: The Python interpreter and its arguments.

    Raises:
        WorkerError: The interpreter cannot be started.
    """

    def __init__(self, command: list[str]) -> None:
        environment = dict(os.environ)
        paths = [str(_LIBRARY), *filter(None, [environment.get("PYTHONPATH")])]
        environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"} | telemetry.VARIABLES
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=environment,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise WorkerError(f"The Python interpreter {command[0]} cannot be started ({error.strerror}).") from error
        assert self.process.stdin and self.process.stdout and self.process.stderr  # all three are pipes
        self._requests, self._answers, self._errors = self.process.stdin, self.process.stdout, self.process.stderr
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._waiting: dict[str, queue.Queue[dict | None]] = {}
        self._lock = threading.Lock()
        self._stderr = threading.Thread(target=self._read_log, daemon=True)
        self._stderr.start()
        threading.Thread(target=self._read_answers, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def log(self) -> str:
        """The end of the child's standard error."""
        return "".join(list(self._log)).strip()

    def ask(self, request: dict) -> "Answers":
        """Send a request.

        Args:
            request: It has an ``id`` of its own.

        Returns:
            What its answers are taken from.

        Raises:
            OSError: The child has ended.
        """
        answers: queue.Queue[dict | None] = queue.Queue()
        with self._lock:
            self._waiting[request["id"]] = answers
        protocol.send(self._requests, request)
        return Answers(answers, self)

    def quit(self) -> None:
        """Ask the child to end, and give it a moment."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # gone already, or busy
            protocol.send(self._requests, {"type": "quit"})
            self.process.wait(_QUIT_SECONDS)

    def await_end(self) -> None:
        """Give a child that is ending a moment, so that its code and its last words are there."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self._stderr.join(1)

    def end(self) -> None:
        """Kill the process tree: the launcher of Slicer's Python has the real one as its child."""
        import psutil  # not part of Slicer; installed with the engines

        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):  # what was left to be sent has no reader any more
            self._requests.close()

    def _read_log(self) -> None:
        # Read to its end, or a full pipe would block the child; piecewise, as a line may never end
        while line := self._errors.readline(_LONGEST_LOG_LINE):
            self._log.append(line)
        self._errors.close()

    def _read_answers(self) -> None:
        while line := self._answers.readline(_LONGEST_ANSWER):
            message = protocol.parse(line)
            if message is None:
                self._log.append(line[:_LONGEST_LOG_LINE])
            else:
                number = message.get("id", "")
                with self._lock:
                    last = message["type"] in ("result", "error")
                    waiting = self._waiting.pop(number, None) if last else self._waiting.get(number)
                if waiting is not None:
                    waiting.put(message)
        self._answers.close()
        self.process.wait()
        self._stderr.join(timeout=1)  # for the last line of the log, which says why
        with self._lock:
            for waiting in self._waiting.values():
                waiting.put(None)


class Answers:
    """The answers to one request."""

    def __init__(self, messages: "queue.Queue[dict | None]", child: Child) -> None:
        self._messages = messages
        self._child = child

    def log(self) -> str:
        """The end of the child's standard error."""
        return self._child.log()

    def take(self, wait_seconds: float) -> Iterator[dict]:
        """Yield what has come.

        Args:
            wait_seconds: At most so long for the first; 0 does not wait.

        Yields:
            Messages of the child (`protocol`).

        Raises:
            WorkerError: The child ended without answering to the end.
        """
        try:
            message = self._messages.get(timeout=wait_seconds) if wait_seconds else self._messages.get_nowait()
            while True:
                if message is None:
                    raise WorkerError(ended_message(self._child), self._child.log())
                yield message
                message = self._messages.get_nowait()
        except queue.Empty:
            return


def ended_message(child: Child) -> str:
    """A sentence for the user, with the last line that the child wrote."""
    last = child.log().splitlines()[-1:] or ["it left no message"]
    return (
        f"The program that segments ended unexpectedly (code {child.process.returncode}): {last[0]}. "
        "Run it again; if that happens again, close other programs that need much memory."
    )

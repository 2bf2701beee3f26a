"""Runs a program and lists what it asks of the network and what it writes into the home folder (Linux).

By ``strace``, which sees every call whatever language it comes from (a Python audit hook does not see C++); where
tracing is forbidden by a preloaded library, `watched.c`, which also refuses what would leave the computer.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path

SOURCE = Path(__file__).with_name("watched.c")
# glibc hands a name to this socket where systemd looks names up
_RESOLVER_SOCKET = "io.systemd.Resolve"
_CALL = re.compile(r"(?:\d+ +)?((?:connect|sendto|sendmsg|sendmmsg|getaddrinfo|gethostbyname\w*)\(.*)")
_INTERNET = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
_BIND = re.compile(r"(?:\d+ +)?bind\((\d+), (.*)")
_LISTEN = re.compile(r"(?:\d+ +)?listen\((?:(\d+),|(\{.*))")
_WRITE = re.compile(r'openat\(\w+, "([^"]+)", \S*(?:O_WRONLY|O_RDWR|O_CREAT)')


@dataclass(frozen=True)
class Seen:
    """What was seen of a program.

    outward: calls that leave the computer or look a name up. local: the other addresses. written: paths in home.
    listens: addresses at which others may call it (TCP).
    """

    outward: list[str]
    local: set[str]
    written: set[str]
    listens: list[str]


@cache
def ways() -> tuple[str, ...]:
    """Which of ``strace`` and ``preload`` work here, the better one first."""
    traced = shutil.which("strace") and subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True)
    return (*(["strace"] if traced and traced.returncode == 0 else []), *(["preload"] if _compiler() else []))


def run(command: list[str], home: Path, way: str, variables: dict[str, str]) -> Seen:
    """Run ``command`` with the folder ``home`` as its home and next to none of this process's variables.

    ONNX Runtime keeps quiet in continuous integration, which it knows by the variables of many such services: none of
    them is passed on. Raises AssertionError, with the end of its output, when the command fails.
    """
    home.mkdir(exist_ok=True)
    before = _entries(home)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **variables}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        log.touch()
        if way == "strace":
            options = ["--follow-forks", "--quiet=all", "--seccomp-bpf", "--trace=network,openat"]
            command = ["strace", *options, f"--output={log}", *command]
        else:
            environment |= {"LD_PRELOAD": str(_library(Path(folder))), "WATCHED_LOG": str(log)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", cwd=folder)
        lines = log.read_text(errors="replace").splitlines()
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr[-3000:]}"
    after = _entries(home)
    opened = {match[1] for line in lines if (match := _WRITE.search(line)) and Path(match[1]).is_relative_to(home)}
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    calls = [match[1] for line in lines if (match := _CALL.match(line))]
    return Seen(
        [call for call in calls if _leaves(call)],
        {address for call in calls if not _leaves(call) and (address := _address(call))},
        {str(Path(path).relative_to(home)) for path in opened | changed},
        _listens(lines),
    )


def _leaves(call: str) -> bool:
    """Loopback stays here, and so do 0.0.0.0 and ::, which are this computer; a resolver (port 53) asks further."""
    if internet := _INTERNET.search(call):
        address = ip_address(internet[2])
        return internet[1] == "53" or not (address.is_loopback or address.is_unspecified)
    return call.startswith("get") or _RESOLVER_SOCKET in call


def _listens(lines: list[str]) -> list[str]:
    """By strace, which names the file alone, the address that was given to it; the preloaded library names that."""
    places: dict[str, str] = {}
    found = []
    for line in lines:
        if bound := _BIND.match(line):
            places[bound[1]] = bound[2]
        elif listens := _LISTEN.match(line):
            place = listens[2] or places.get(listens[1], "")
            if "sun_path" not in place:
                found.append(_address(place) or "a port that the system chooses")
    return found


def _address(call: str) -> str:
    if internet := _INTERNET.search(call):
        return f"{internet[2]} port {internet[1]}"
    unix = re.search(r"sun_path=(@?\"[^\"]*\")", call)
    return unix[1] if unix else ""


def _entries(home: Path) -> dict[str, tuple]:
    """Every file below ``home`` with its size and time, and every folder."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) if not path.is_dir() else ()
        for path in home.rglob("*")
    }


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def _library(folder: Path) -> Path:
    library = folder / "watched.so"
    subprocess.run([_compiler(), "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library

"""Nothing leaves the computer: each program runs in a home folder of its own, and every call it makes is watched."""

import os
import sys
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from Testing.support import cohort_case, phantoms, watched
from Testing.support.dicom_server import Archive, server
from Testing.support.paths import MODULE, ROOT
from Testing.support.wheels import make_wheel

# What the libraries put into the home folder; docs/privacy.md names it
CACHES = ("~/.cache/matplotlib", "~/.config/matplotlib", "~/.keras")
# ONNX Runtime 1.32 looks its server up ten seconds after it is loaded
TELEMETRY_SECONDS = 12

# A library that imports Dask where it is installed finds this one; docs/privacy.md says that none does
DASK = "import pathlib; (pathlib.Path.home() / 'Dask was imported').touch()"

COMMAND = "from LungTumorSegLib.cli.app import main; main()"
CHILD = f"""
import sys, time
from LungTumorSegLib import read_ct
from LungTumorSegLib.data import Options
from LungTumorSegLib.worker.client import WorkerClient

ct = read_ct(sys.argv[1])
with WorkerClient() as client:
    for engine in ("onnxruntime", "openvino"):
        assert client.segment(ct, Options(lung_restriction=False, engine=engine)).engine == engine
    time.sleep({TELEMETRY_SECONDS})
"""
# `make demo` on the first of its two CTs
DEMO = """
import sys
from Testing.tools.demo import cases, command

obtain = cases.obtain
cases.obtain = lambda folder: obtain(folder)[:1]
sys.exit(command.main())
"""
OUTSIDE = ("203.0.113.7", "2001:db8::7", "127.0.0.53")
WATCHED = """
import contextlib, pathlib, socket

for kind, address in (
    (socket.AF_INET, ("203.0.113.7", 9)),
    (socket.AF_INET6, ("2001:db8::7", 9, 0, 0)),
    (socket.AF_INET, ("127.0.0.53", 53)),
    (socket.AF_INET, ("127.0.0.1", 9)),
    (socket.AF_INET6, ("::1", 9, 0, 0)),
    (socket.AF_UNIX, "/nowhere"),
):
    with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as one:
        one.connect(address)
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    one.listen()
(pathlib.Path.home() / "stays").touch()
passing = pathlib.Path.home() / "passing"
passing.touch()
passing.unlink()
"""


def _command(folder: Path) -> list[str]:
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])
    phantoms.write_dicom(ct, folder / "ct")
    options = ("--no-lung-mask", "--png", "--report", "--dicom", "seg,sr")
    return ["-c", COMMAND, "segment", folder / "ct", "--output", folder / "out", *options]


def _child(folder: Path) -> list[str]:
    return ["-c", CHILD, _ct_file(folder)]


def _info(folder: Path) -> list[str]:
    return ["-c", COMMAND, "info"]


def _cohort(folder: Path) -> list[str]:
    source = cohort_case.make(folder / "in", 1)
    return ["-c", COMMAND, "cohort", source, "--output", folder / "out", *cohort_case.FAST]


def _training(folder: Path) -> list[str]:
    return ["-m", "Testing.support.short_training", folder]


def _demo(folder: Path) -> list[str]:
    return ["-c", DEMO, "--input", _demonstration_cts(), "--output", folder / "out"]


def _ct_file(folder: Path) -> Path:
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])
    phantoms.write_image(ct, folder / "ct.nrrd")
    return folder / "ct.nrrd"


def _demonstration_cts() -> Path:
    from Testing.tools.demo import cases

    try:
        return cases.obtain()[0].image.parent
    except cases.DemoDataError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


def _watch(arguments: list, home: Path, way: str | None = None) -> watched.Seen:
    """What a program of this Python does, watched in the best way there is here."""
    if sys.platform != "linux":
        pytest.skip("programs are watched on Linux only")
    if not watched.ways():
        advice = "Neither strace may trace here nor is there a C compiler: install strace, or gcc with libc6-dev."
        if "CI" in os.environ:
            pytest.fail(advice)
        pytest.skip(advice)
    if way not in (None, *watched.ways()):
        pytest.skip(f"{way} cannot be used here, {watched.ways()[0]} can")
    decoys = home.parent / "decoys"
    (decoys / "dask").mkdir(parents=True)
    (decoys / "dask" / "__init__.py").write_text(DASK)
    paths = (MODULE, ROOT, decoys)
    variables = {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return watched.run([sys.executable, *map(str, arguments)], home, way or watched.ways()[0], variables)


PROGRAMS = _command, _cohort, _child, _info, _demo, _training


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda made: made.__name__[1:])
def seen(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    return _watch(request.param(folder), folder / "home")


def _unnamed(seen: watched.Seen) -> set[str]:
    """What was written in the home folder and is neither a named cache nor a folder on the way to one."""
    named = [Path(cache).relative_to("~") for cache in CACHES]
    return {
        path
        for path in seen.written
        if not any(Path(path).is_relative_to(cache) or cache.is_relative_to(path) for cache in named)
    }


def test_it_calls_no_other_computer_and_looks_no_name_up(seen):
    assert seen.outward == [], f"beside {sorted(seen.local)}, which stay here"


def test_nobody_can_call_it(seen):
    assert seen.listens == []


def test_it_leaves_the_home_folder_as_it_was_but_for_the_named_caches(seen):
    assert _unnamed(seen) == set()


def test_sending_calls_the_named_server_alone(tmp_path):
    ct, _ = phantoms.chest((9, 9, 9), (90, 84, 60))
    phantoms.write_dicom(ct, tmp_path / "objects", slices=[0])
    with server(*Archive().handlers, kinds=[CTImageStorage]) as to:
        named = f"{to.title}@{to.host}:{to.port}"
        seen = _watch(["-c", COMMAND, "send", tmp_path / "objects", "--to", named], tmp_path / "home")
    assert (seen.outward, _unnamed(seen)) == ([], set())
    assert f"{to.host} port {to.port}" in seen.local


def test_checking_an_installation_imports_the_engines_in_silence(standin_app, tmp_path):
    from LungTumorSegLib.slicer_.install import installer

    seen = _watch(["-c", installer._IMPORT, "onnxruntime", "openvino"], tmp_path / "home")
    assert (seen.outward, _unnamed(seen)) == ([], set())


def test_pip_with_a_folder_of_wheels_calls_nobody(standin_app, tmp_path):
    from LungTumorSegLib.slicer_.install import installer

    make_wheel(tmp_path, "tinyengine", "2.0")
    pip = installer.Installer(tmp_path / "unread", python=sys.executable)._pip(
        "install", "tinyengine", "--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / "site")
    )
    assert _watch(pip[1:], tmp_path / "home").outward == []
    assert (tmp_path / "site" / "tinyengine").is_dir()


def test_the_privacy_page_names_each_cache():
    text = (ROOT / "docs/privacy.md").read_text("utf-8")
    assert [cache for cache in CACHES if f"`{cache}`" not in text] == []


@pytest.mark.parametrize("way", ["strace", "preload"])
def test_the_watch_tells_what_leaves_from_what_stays(way, tmp_path):
    seen = _watch(["-c", WATCHED], tmp_path / "home", way)
    assert [any(address in call for call in seen.outward) for address in OUTSIDE] == [True] * 3
    assert len(seen.outward) == 3
    assert seen.local == {"127.0.0.1 port 9", "::1 port 9", '"/nowhere"'}
    assert [place.rpartition(" ")[0] for place in seen.listens] == ["127.0.0.1 port"]
    assert "stays" in seen.written


def test_strace_sees_a_file_that_is_gone_again(tmp_path):
    assert "passing" in _watch(["-c", WATCHED], tmp_path / "home", "strace").written


def test_the_preloaded_library_refuses_a_name(tmp_path):
    program = "import socket; socket.getaddrinfo('localhost', 9); socket.getaddrinfo('name.invalid', 9)"
    seen = _watch(["-c", f"try:\n  {program}\nexcept socket.gaierror: pass"], tmp_path / "home", "preload")
    assert seen.outward == ['getaddrinfo("name.invalid")']

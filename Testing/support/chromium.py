"""Opens a page in headless Chromium (Debian's package ``chromium``) and tells what it said and asked for."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    # the browser itself asks its maker's servers for the time and for updates
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SECONDS = 120
_BY_ITSELF = "not an origin"  # who asks, where no page does


@dataclass(frozen=True)
class Opened:
    """console: its lines. requests: what the page asked for over a network. picture: what was drawn, a PNG."""

    console: list[str]
    requests: list[str]
    picture: Path


def program() -> str:
    """Skips without Chromium, fails where all must run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if "CI" in os.environ and sys.platform == "linux":
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("needs Chromium")
    return found


def opened(page: Path, folder: Path, size: tuple[int, int] = (1200, 1600)) -> Opened:
    """Everything that Chromium writes goes into ``folder``. size: of the window, pixels."""
    log, picture = folder / "net.json", folder / "page.png"
    command = [
        *(program(), *_QUIET, f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr"),
        *(f"--log-net-log={log}", f"--window-size={size[0]},{size[1]}", f"--screenshot={picture}", page.as_uri()),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert ended.returncode == 0 and picture.is_file(), ended.stderr[-2000:]
    console = [line for line in ended.stderr.splitlines() if "CONSOLE" in line]
    events = json.loads(log.read_text("utf-8"))["events"]
    asked = [event["params"] for event in events if "initiator" in event.get("params", {})]
    addresses = {params["url"] for params in asked if params["initiator"] != _BY_ITSELF}
    return Opened(console, sorted(addresses), picture)

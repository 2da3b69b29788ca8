"""A command that is stopped from outside ends, says so by its code, and leaves no half-written file."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synfer.cli.stopping import STOPS, stopped_in_order

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def begun(folder: Path, *, before: str = "") -> subprocess.Popen[str]:
    """`synfer simulate` whose simulation never ends, its drafts begun."""
    program = (
        f"import signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        f"{before}\nimport time\nfrom synfer import simulate\nsimulate.run = lambda *_, **__: time.sleep(600)\n"
        "from synfer.cli import app\napp()"
    )
    command = ["simulate", "--out", str(folder / "r.nc"), "--exc", "80", "--inh", "20", "--p", ".1"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *command, "--duration", "1", "--record", "spikes"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(folder.glob(".*.tmp"))) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    return process


@pytest.mark.parametrize("stop", STOPS)
def test_a_stopped_command_takes_its_drafts_with_it(tmp_path, stop):
    (tmp_path / ".r.nc.00000000.tmp").write_bytes(b"left by one that was killed")
    process = begun(tmp_path)
    assert process.poll() is None, process.communicate()
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + stop and "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == [".r.nc.00000000.tmp"]


def test_ctrl_c_is_told_of(tmp_path):
    process = begun(tmp_path)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (130, "", "synfer: stopped\n")
    assert list(tmp_path.iterdir()) == []


def test_what_is_ignored_stays_ignored(tmp_path):
    process = begun(tmp_path, before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")  # as nohup does
    process.send_signal(signal.SIGHUP)
    time.sleep(1.0)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143 and list(tmp_path.iterdir()) == []


def test_handlers_are_as_they_were_afterwards():
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOPS}
    try:
        with pytest.raises(SystemExit) as stopped, stopped_in_order():
            signal.raise_signal(STOPS[0])
        assert stopped.value.code == 128 + STOPS[0]
        assert all(signal.getsignal(number) == signal.SIG_DFL for number in STOPS)
        own = []
        signal.signal(STOPS[0], lambda *_: own.append(1))
        with stopped_in_order():
            signal.raise_signal(STOPS[0])
        assert own == [1]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What is begun is ended: by the end of a block, and by a signal to its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWNER = """
import os, sys
from pathlib import Path
from scripts.processes import running_group, stopped_by_signals

folder = Path(sys.argv[1])
leader = ["sh", "-c", "sleep 60 & wait"]
with stopped_by_signals(), running_group(leader, directory=folder, environment=os.environ, log=folder / "log") as one:
    print(one.pid, flush=True)
    one.wait()
"""
IN_BACKGROUND = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
"""As a shell starts what it puts in the background: with Ctrl-C turned off."""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_owner_ends_what_it_began_and_what_that_began(stop: signal.Signals, tmp_path: Path) -> None:
    command = [*IN_BACKGROUND, sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as owner:
        assert owner.stdout is not None
        group = int(owner.stdout.readline())
        owner.send_signal(stop)
        assert owner.wait(60) != 0
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)

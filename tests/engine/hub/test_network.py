"""What the suite runs ends with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.engine.hub import network
from tests.engine.hub.running import wait


def alive(mark: str) -> bool:
    """Whether a process has a mark in its command line."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in file.read_bytes().decode(errors="replace"):
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_programs_end_with_their_network(tmp_path: Path, end: str) -> None:
    """Programs, and programs that they have started in sessions of their own, end when the network is closed, and when
    the process that made it is killed."""
    try:
        network.check()
    except network.Unavailable as error:
        needs.skip("linux", str(error))
    mark = f"stays-{end}-{tmp_path.name}"
    shell = f"setsid sh -c 'sleep 600; : {mark}' & sleep 600"
    code = (
        "import sys; from pathlib import Path; from tests.engine.hub.network import Network, Program\n"
        f"made = Network(Path({str(tmp_path)!r})); made.start('x', Program(['sh', '-c', {shell!r}]))\n"
        "print('started', flush=True); sys.stdin.read(); made.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as maker:
        assert maker.stdin is not None
        assert maker.stdout is not None
        assert maker.stdout.readline() == "started\n"
        wait("the program runs", lambda: alive(mark))
        if end == "killed":
            maker.kill()
        maker.stdin.close()
        wait("the program has ended", lambda: not alive(mark))

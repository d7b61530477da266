"""A change of the program's own code: the base is rendered by the code that it came with, in a process of its own.

Only what makes objects out of settings is the base's (``hubstack/chart`` and ``hubstack/settings.py``); what compares
and judges is this code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hubstack import project
from hubstack.chart.text import sha256
from hubstack.review.rendering import Rendered
from hubstack.review.sources import StackFile

RENDERS = ("hubstack/chart", "hubstack/settings.py")
"""What of a project makes objects out of settings."""
DEPLOYS = ("hubstack/components", "__main__.py", "requirements.txt")
"""What else decides what a deployment does; a rendering does not show it."""
TIMEOUT_SECONDS = 600
WORKER = """
import sys
sys.path[:0] = [sys.argv[1]]
from hubstack.review import program
program.work()
"""


def differs(base: Path, head: Path, parts: Iterable[str]) -> bool:
    """Whether some of the program's files differ; not where one side has none of them."""
    sides = [_digest(folder, parts) for folder in (base, head)]
    return None not in sides and sides[0] != sides[1]


def render(base: Path, files: Iterable[StackFile]) -> tuple[dict[str, Rendered], str | None]:
    """Stacks of the base as its own code renders them, or why they cannot be rendered so.

    Arguments:
        base: the base's project folder.
        files: its stack files.
    """
    given = json.dumps([{**asdict(file), "folder": str(file.folder)} for file in files], default=str)
    with TemporaryDirectory(prefix="hubstack-program-") as shim:
        (Path(shim) / "hubstack").mkdir()
        for part in (project.CODE / "hubstack").iterdir():
            name = f"hubstack/{part.name}"
            (Path(shim) / name).symlink_to((base if name in RENDERS else project.CODE) / name)
        # Without -P, the first place that Python looks at would be the work folder with the head's code.
        command = [sys.executable, "-P", "-c", WORKER, shim]
        try:
            done = subprocess.run(
                command, input=given, cwd=shim, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return {}, f"no answer after {TIMEOUT_SECONDS} s"
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return {each["stack"]: _restored(each) for each in json.loads(done.stdout)}, None


def work() -> None:
    """What the process with the base's code does: stack files in, renderings out, both as JSON."""
    from hubstack import toolchain
    from hubstack.review.rendering import Renderer, repository

    files = [StackFile(**{**each, "folder": Path(each["folder"])}) for each in json.load(sys.stdin)]
    renderer = Renderer(lambda: toolchain.ensure(("helm",))["helm"], [repository(file) for file in files])
    # Whether pods fit is judged on both sides by one code, the head's.
    rendered = [{**vars(renderer.render(file)), "capacity": None} for file in files]
    json.dump(rendered, sys.stdout, default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value))


def _restored(data: Mapping[str, Any]) -> Rendered:
    sets = {name: frozenset(data[name]) for name in ("secrets", "leftovers")}
    return Rendered(**{**data, **sets, "unknown": tuple(data["unknown"])})


def _digest(folder: Path, parts: Iterable[str]) -> str | None:
    """Of the files that a folder has; None where it has none."""
    paths = [path for part in parts for path in _files(folder / part)]
    if not paths:
        return None
    return sha256(json.dumps([[str(path.relative_to(folder)), path.read_bytes().hex()] for path in paths]))


def _files(top: Path) -> list[Path]:
    if not top.is_dir():
        return [top] if top.is_file() else []
    return sorted(path for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts)

"""Runs the engine on the stacks of one revision; Python and the program's imports are paid for once.

Started by path, as a program of its own: ``python forkserver.py FOLDER``. It imports the program of that folder, which
may be an older revision, and therefore nothing of hubstack. Each request forks a process that is the engine's language
host for one stack and waits for one ``pulumi`` command; nothing is shared between stacks but what was imported.

A line of JSON on standard input asks: ``{"id", "command", "folder", "environment", "log"}``. A line on standard output
answers: ``{"id", "pid"}`` at the start, ``{"id", "code", "cpu"}`` at the end. When standard input closes, because the
command has ended or was killed, the engines are asked to stop, which lets them write their state.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import itertools
import json
import os
import select
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path
from types import CodeType
from typing import Any

INSTALLED = Path(__file__).resolve().parents[2]
"""Where this file's own program lies."""
PROGRAM = INSTALLED / "hubstack" / "project" / "template" / "__main__.py.in"
"""What runs in a folder that has only settings: the program that a new project gets."""
PR_SET_PDEATHSIG = 1
"""Linux: a signal for a process whose parent has died."""


def main(root: Path) -> None:
    """Serve until standard input closes."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what the program prints while it is imported is no answer
    code = _load(root)
    jobs: dict[int, Any] = {}
    reading, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _answer(answers, {"ready": True})
    buffer, is_open = b"", True
    while is_open or jobs:
        for ready in select.select([reading, *([0] if is_open else [])], [], [])[0]:
            chunk = os.read(ready, 65536)
            if ready == reading:
                _reap(jobs, answers)
            elif not chunk:
                is_open = False
                for pid in jobs:
                    os.kill(pid, signal.SIGTERM)
            else:
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    job = json.loads(line)
                    pid = os.fork()
                    if pid == 0:
                        _child(root, code, job)
                    jobs[pid] = job["id"]
                    _answer(answers, {"id": job["id"], "pid": pid})


def _answer(descriptor: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        os.write(descriptor, json.dumps(message).encode() + b"\n")


def _load(root: Path) -> CodeType:
    """Import what the program imports, and compile it."""
    os.chdir(root)
    main = root / "__main__.py"
    if main.is_file():
        sys.path[0] = str(root)
        sys.path.append(str(INSTALLED))  # a project of somebody's own has no hubstack beside its program
        source = main.read_text(encoding="utf-8")
    else:
        sys.path[0] = str(INSTALLED)
        source = PROGRAM.read_text(encoding="utf-8")
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            exec(compile(ast.Module([statement], []), "__main__.py", "exec"), {})
    import grpc  # noqa: F401
    import pulumi.automation._server  # noqa: F401

    return compile(source, str(main), "exec")


def _reap(jobs: dict[int, Any], answers: int) -> None:
    while jobs:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            return
        code = os.waitstatus_to_exitcode(status)
        _answer(answers, {"id": jobs.pop(pid), "code": code, "cpu": usage.ru_utime + usage.ru_stime})


def _child(root: Path, code: CodeType, job: dict[str, Any]) -> None:
    """The process of one stack; does not return."""
    result = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
        os.dup2(1, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(job["environment"])
        os.chdir(root)
        result = _run(code, str(root / "__main__.py"), job)
    except BaseException as error:
        print(f"error: {error!r}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(result)


def _run(code: CodeType, name: str, job: dict[str, Any]) -> int:
    import grpc
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import language_pb2_grpc

    class Host(LanguageServer):
        """The language host of the Automation API, with the configuration where a program of its own finds it."""

        def Run(self, request: Any, context: Any) -> Any:
            os.environ["PULUMI_CONFIG"] = json.dumps(dict(request.config))
            os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
            return LanguageServer.Run(self, request, context)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    host = Host(lambda: exec(code, {"__name__": "__main__", "__file__": name}))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    command = [*job["command"], f"--client=127.0.0.1:{port}", "--exec-kind=auto.inline"]
    # The signal comes when the fork server dies, however that happens.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    with subprocess.Popen(command, cwd=job["folder"]) as engine:
        asked = itertools.count(1)

        def stop(*_: object) -> None:
            """Let the engine cancel what it does, then only write its state, then nothing."""
            engine.send_signal(signal.SIGINT) if next(asked) <= 2 else engine.kill()

        signal.signal(signal.SIGTERM, stop)
        return engine.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

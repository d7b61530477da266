"""The engine with what the wheel installs: its provider plugin, and its fork server for programs in Python."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hubstack.engine.environment import engine_environment
from hubstack.toolchain import Tools
from tests.engine.wheel.conftest import Installed


def variables(tools: Tools, installed: Installed, *folders: Path) -> dict[str, str]:
    """Environment of an engine that finds the wheel's plugin, and the Kubernetes provider that the machine has.

    Arguments:
        tools: the engine and its plugins.
        installed: the wheel's environment.
        folders: further folders for PATH.
    """
    found = {**os.environ, **engine_environment(tools), "PULUMI_CONFIG_PASSPHRASE": "of a test"}
    for ours in ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_IGNORE_AMBIENT_PLUGINS", "VIRTUAL_ENV", "PYTHONPATH"):
        found.pop(ours, None)
    plugins = tools["pulumi-resource-kubernetes"].parent  # of whatever version the machine has
    path = [found["PATH"], str(installed.environment / "bin"), str(plugins), *map(str, folders)]
    return {**found, "PATH": os.pathsep.join(path)}


@dataclass(frozen=True)
class Stack:
    """A stack of a program in any language, as its folder says."""

    folder: Path
    variables: dict[str, str]
    installed: Installed | None = None
    """Whose fork server runs a program in Python; programs in other languages have a host that the engine starts."""

    def must(self, *arguments: str) -> str:
        """Output of a command of the engine that has to succeed."""
        code, printed = self.pulumi(*arguments)
        assert code == 0, printed
        return printed

    def pulumi(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of a command of the engine."""
        command = ["pulumi", *arguments, "--stack", "test", "--non-interactive"]
        if self.installed is None or arguments[0] not in ("preview", "up"):
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            return done.returncode, done.stdout
        return self._forked(command, self.installed)

    def _forked(self, command: list[str], installed: Installed) -> tuple[int, str]:
        """The same with the program in a process of the fork server."""
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        job = {"id": 1, "command": command, "folder": str(self.folder), "environment": {}, "log": str(log)}
        (server_file,) = installed.environment.glob("lib/python*/site-packages/hubstack/engine/forkserver.py")
        start = [installed.environment / "bin" / "python", server_file, self.folder]
        with subprocess.Popen(
            start, env=self.variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(job) + "\n")
            server.stdin.flush()
            codes = (json.loads(line).get("code") for line in server.stdout)
            code = next(code for code in codes if code is not None)
            server.stdin.close()
        return code, log.read_text()

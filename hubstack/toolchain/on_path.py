"""Programs that the machine has already: which version lies on PATH."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from hubstack.toolchain.catalog import Program, Release, cache_dir

_VERSION = re.compile(r"\d+\.\d+\.\d+[\w.+-]*")
_SECONDS = 10.0
"""A program that takes longer to print its version is passed over."""


class ProgramsOnPath:
    """Looks programs up on PATH; versions are remembered for as long as the file stays the same."""

    def __init__(self) -> None:
        self._file = cache_dir() / "versions.json"
        self._known: dict[str, list[object]] = {}
        self._changed = False
        self.misfits: dict[str, str] = {}
        """For each program that lies on PATH and does not fit: what was found there."""
        try:
            known = json.loads(self._file.read_bytes())
            self._known = known if isinstance(known, dict) else {}
        except (OSError, ValueError):
            pass

    def find(self, program: str, release: Release) -> Program | None:
        """The one on PATH of the preferred version, with all that belongs to it; of several, the first."""
        fitting: list[tuple[int, Program]] = []
        for path in _candidates(program):
            version = self._version(path, release)
            home = next((each for each in (path, path.resolve()) if _complete(each, release)), None)
            rank = release.rank(version)
            if rank == 0 and home is not None:
                return Program(home, version)
            if rank is not None and home is not None:
                fitting.append((rank, Program(home, version)))
                continue
            what = f"is {version}" if version else "does not print its version"
            if home is None:
                what += f" without {' and '.join(release.beside)} beside it"
            self.misfits.setdefault(program, f"{path} {what}")
        return min(fitting, key=lambda each: each[0])[1] if fitting else None

    def save(self) -> None:
        """Remember the versions; a cache that cannot be written is no error."""
        if not self._changed:
            return
        temporary = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._known))
            temporary.replace(self._file)
        except OSError:
            temporary.unlink(missing_ok=True)

    def _version(self, path: Path, release: Release) -> str:
        status = path.stat()
        known = self._known.get(str(path))
        if isinstance(known, list) and known[:2] == [status.st_mtime_ns, status.st_size]:
            return str(known[2])
        try:
            version = _ask(path, release.version_command) if release.version_command else _ask_plugin(path)
        except (OSError, subprocess.SubprocessError):
            return ""  # may have been bad luck: ask again next time
        self._known[str(path)] = [status.st_mtime_ns, status.st_size, version]
        self._changed = True
        return version


def _candidates(program: str) -> Iterator[Path]:
    ours = cache_dir()  # is on PATH after an update within this process; needs no asking
    for folder in dict.fromkeys(os.environ.get("PATH", os.defpath).split(os.pathsep)):
        path = Path(folder) / program
        if path.is_absolute() and ours not in path.parents and os.access(path, os.X_OK) and path.is_file():
            yield path


def _complete(path: Path, release: Release) -> bool:
    return all(os.access(path.parent / name, os.X_OK) for name in release.beside)


def _ask(path: Path, arguments: tuple[str, ...]) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    result = subprocess.run(
        [path, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, env=environment
    )
    found = _VERSION.search(result.stdout.decode(errors="replace"))
    return found[0] if found else ""


def _ask_plugin(path: Path) -> str:
    """Version of a resource plugin: it prints the port on which it can be asked."""
    # takes a while to load, and hardly anybody has plugins on PATH
    import grpc
    from pulumi.runtime.proto import plugin_pb2

    # the plugin would call its engine only later, so there need not be one at the address
    process = subprocess.Popen(
        [path, "127.0.0.1:1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    alarm = threading.Timer(_SECONDS, process.kill)
    alarm.start()
    try:
        output = process.stdout.readline(16) if process.stdout else b""
        # no proxy leads to this machine's own ports, whatever the environment says
        with grpc.insecure_channel(f"127.0.0.1:{int(output)}", [("grpc.enable_http_proxy", 0)]) as channel:
            ask = channel.unary_unary(
                "/pulumirpc.ResourceProvider/GetPluginInfo",
                request_serializer=lambda _: b"",
                response_deserializer=plugin_pb2.PluginInfo.FromString,
            )
            return str(ask(None, timeout=_SECONDS).version).removeprefix("v")
    except (ValueError, grpc.RpcError):
        return ""
    finally:
        alarm.cancel()
        process.kill()
        process.communicate()

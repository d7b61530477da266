"""Becomes a container's program in a mount namespace made for it; standard library only.

Argument: JSON with ``mounts`` (pairs of source and target), ``argv``, ``env`` and ``cwd``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def mount(*arguments: str | Path) -> None:
    """The program mount; its own words where it fails."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def add_place(target: Path, *, folder: bool) -> None:
    """Make `target` exist for this namespace only.

    The folder that lacks it is covered by one that has it and everything that was there; the machine's own files are
    neither changed nor hidden.
    """
    missing = target
    while not missing.parent.exists():
        missing = missing.parent
    parent = missing.parent.resolve()
    cover = Path(tempfile.mkdtemp(prefix="hubstack-cover-"))
    mount("-t", "tmpfs", "cover", cover)
    for entry in parent.iterdir():
        place = cover / entry.name
        if entry.is_symlink():
            place.symlink_to(os.readlink(entry))
            continue
        if entry.is_dir():
            place.mkdir()
        elif entry.is_file():
            place.touch()
        else:
            continue
        mount("--rbind", entry, place)
    place = cover / target.relative_to(missing.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if folder else place.touch()
    mount("--rbind", cover, parent)
    subprocess.run(["umount", "--lazy", str(cover)], check=True)
    cover.rmdir()


def main() -> None:
    """Mount, then become the program."""
    spec = json.loads(sys.argv[1])
    for source, target in spec["mounts"]:
        if not Path(target).exists():
            add_place(Path(target), folder=Path(source).is_dir())
        mount("--bind", source, target)
    os.chdir(spec["cwd"])
    os.execvpe(spec["argv"][0], spec["argv"], spec["env"])


if __name__ == "__main__":
    main()

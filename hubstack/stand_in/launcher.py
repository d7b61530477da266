"""The executable file that the engine starts as the plugin."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def executable(file: Path) -> Path:
    """Make a file that starts the stand-in with the Python and the packages of this process.

    Arguments:
        file: the file; what is there is replaced.
    """
    # -P: the engine starts it in a folder of the user's, whose files must not be taken for modules
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m hubstack.stand_in "$@"\n'
    if file.is_file() and file.read_text() == text and os.access(file, os.X_OK):
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.chmod(0o755)
    temporary.replace(file)
    return file

"""Folders for temporary files with credentials: private, and gone with the processes that use them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubstack.engine import temporary
from hubstack.engine.servers import ForkServer


@pytest.fixture(autouse=True)
def above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    return tmp_path / "tmp"


def there(above: Path) -> set[Path]:
    return {entry for entry in above.iterdir() if entry.is_dir()}


def test_a_folder_is_private_and_removed_at_the_end(above: Path) -> None:
    with temporary.folder() as folder:
        (folder / "key").write_text("PRIVATE KEY")
        assert [oct(each.stat().st_mode & 0o777) for each in (above, folder)] == ["0o700", "0o700"]
        assert there(above) == {folder}
    assert there(above) == set()


def test_the_folder_of_a_killed_process_goes_once_nobody_has_it_any_more(above: Path) -> None:
    """It stays for a child that has inherited it, such as an engine that still writes its state."""
    kept = (
        "import os, subprocess; from hubstack.engine.temporary import Folder; folder = Folder();"
        "child = subprocess.Popen(['sleep', '600'], pass_fds=[folder.descriptor], stdout=-3, stderr=-3);"
        "print(folder.path, child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    printed = subprocess.run([sys.executable, "-c", kept], capture_output=True, text=True, check=False).stdout
    path, pid = Path(printed.split()[0]), int(printed.split()[1])
    try:
        with temporary.folder() as own:
            assert there(above) == {path, own}
    finally:
        os.kill(pid, 9)
    while _runs(pid):  # its parent is dead: somebody else takes note of its end
        pass
    with temporary.folder() as own:
        assert there(above) == {own}


def test_what_is_no_folder_of_a_process_is_left_alone(above: Path) -> None:
    """A folder that is in use, and files that somebody has put there."""
    with temporary.folder() as other:
        (above / "notes.txt").write_text("mine")
        with temporary.folder() as own:
            assert there(above) == {other, own}
    assert (above / "notes.txt").read_text() == "mine"


def test_a_fork_server_gives_its_engines_a_folder_of_their_own(above: Path, tmp_path: Path) -> None:
    """The program is told of it before it runs, and it is gone once the server is closed."""
    (tmp_path / "__main__.py").write_text("import note\n")
    note = "import pathlib, tempfile\npathlib.Path('seen').write_text(tempfile.gettempdir())"
    (tmp_path / "note.py").write_text(note)
    server = ForkServer(tmp_path, os.environ)
    server.close()
    seen = Path((tmp_path / "seen").read_text())
    assert seen.parent == above
    assert there(above) == set()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False

"""Which folder is the project's, from a checkout and where a wheel was installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from hubstack import project
from hubstack.commands import main
from hubstack.errors import HubstackError
from hubstack.fleet import digest
from hubstack.project import stacks


@pytest.fixture
def settings_only(tmp_path: Path) -> Path:
    """A project of settings, without a program."""
    document = {"config": {"hubstack:kubeContext": "c", "hubstack:values": {"cull": {"every": 300}}}}
    (tmp_path / "Pulumi.a.yaml").write_text(yaml.safe_dump(document))
    return tmp_path


@pytest.mark.parametrize("checkout", [True, False])
def test_the_project_is_the_nearest_folder_upwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: bool
) -> None:
    """A Pulumi.yaml in Python or one that is broken is ours; without one it is the checkout, or where one stands."""
    monkeypatch.delenv("HUBSTACK_ROOT", raising=False)
    monkeypatch.setattr(project, "IS_CHECKOUT", checkout)
    below = tmp_path / "hubs" / "site" / "notes"
    below.mkdir(parents=True)
    assert project.find_root(below) == (project.CODE if checkout else below)
    assert project.find_root(project.CODE / "docs") == project.CODE
    (tmp_path / "hubs" / "Pulumi.yaml").write_text("name: a\nruntime:\n  name: python\n")
    (tmp_path / "hubs" / "site" / "Pulumi.yaml").write_text("name: b\nruntime: nodejs\n")
    assert project.find_root(below) == tmp_path / "hubs"
    (below / "Pulumi.yaml").write_text("name: [\n")
    assert project.find_root(below) == below
    work = tmp_path / "hubs" / ".hubstack" / "stacks" / "dev"
    work.mkdir(parents=True)
    (work / "Pulumi.yaml").write_text("name: a\nruntime: python\nmain: ../../..\n")
    assert project.find_root(work) == tmp_path / "hubs"
    monkeypatch.setenv("HUBSTACK_ROOT", str(tmp_path))
    assert project.find_root(below) == tmp_path


def test_a_project_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option --project counts more than the variable, and a folder that is not there is refused by its name."""
    for root in ("by-option", "by-variable"):
        (tmp_path / root).mkdir()
        document = {"config": {"hubstack:kubeContext": root, "hubstack:values": {"cul": {}}}}
        (tmp_path / root / "Pulumi.a.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.setattr(project, "ROOT", project.ROOT)
    monkeypatch.setenv("HUBSTACK_ROOT", str(tmp_path / "by-variable"))
    runner = CliRunner()
    for arguments, root in ((["--project", str(tmp_path / "by-option")], "by-option"), ([], "by-variable")):
        done = runner.invoke(main.app, [*arguments, "rollout", "plan"])
        assert str(done.exception).startswith(f"{tmp_path}/{root}/fleet.yaml: there is none")
    done = runner.invoke(main.app, ["--project", str(tmp_path / "nowhere"), "rollout", "plan"])
    assert isinstance(done.exception, HubstackError)
    assert str(done.exception).startswith(f"the project's folder {tmp_path}/nowhere: there is none")


def test_the_mirror_beside_is_the_checkouts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder ``shared`` that happens to lie beside somebody's settings is no mirror of programs to run."""
    monkeypatch.delenv("HUBSTACK_MIRROR", raising=False)
    (tmp_path / "shared").mkdir()
    monkeypatch.setattr(project, "CODE", tmp_path / "checkout")
    assert project.mirror() == tmp_path / "shared"
    monkeypatch.setattr(project, "IS_CHECKOUT", False)
    assert project.mirror() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: shop/hubs\nruntime: python\n", "name: 'shop/hubs': must be 1 to 100 letters"),
        ("runtime: python\n", "name: None: must be"),
        ("- name\n", "must be a map"),
        ("name: [\n", "line 2, column 1: not valid YAML: "),
        ("name: shop\nruntime: nodejs\n", "runtime: 'nodejs': must be 'python'"),
        ("name: shop\n", "runtime: None: must be 'python'"),
        ("name: shop\nruntime: python\nmain: infra\n", "main: 'infra': is not supported"),
        ("name: shop\nruntime: python\nstackConfigDir: config\n", "stackConfigDir: 'config': is not supported"),
    ],
)
def test_a_definition_that_cannot_be_used(settings_only: Path, text: str, message: str) -> None:
    """What the engine would stumble over later is refused before anything runs, with the file and the key."""
    (settings_only / "Pulumi.yaml").write_text(text)
    with pytest.raises(HubstackError, match=f"{settings_only}/Pulumi.yaml: {message}"):
        stacks.write_work_folder(stacks.select("a", root=settings_only), settings_only / "work")


def test_a_project_needs_nothing_but_settings(settings_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Pulumi.yaml, the engine gets a definition that leads to the settings; the project stays as it is."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(settings_only / "state"))
    monkeypatch.setattr(project, "ROOT", settings_only)
    stack = stacks.select("a")
    asked = stacks.engine_folder("a")
    stacks.write_work_folder(stack)
    written = yaml.safe_load((stack.folder / "Pulumi.yaml").read_text())
    assert (stack.folder / written["main"]).resolve() == settings_only
    assert written["name"] == yaml.safe_load((asked / "Pulumi.yaml").read_text())["name"] == "hubstack"
    assert stacks.engine_folder("a") == stack.folder
    assert {path.name for path in settings_only.iterdir()} == {"Pulumi.a.yaml", "state"}


def test_a_name_is_anybodys_choice(settings_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine gets the project's own name, and after a renaming it is asked about the new one."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(settings_only / "state"))
    monkeypatch.setattr(project, "ROOT", settings_only)
    file = settings_only / "Pulumi.yaml"
    file.write_text("name: Shop_1.hubs\nruntime: {name: python}\ndescription: hubs\n")
    stack = stacks.select("a")
    stacks.write_work_folder(stack)
    written = yaml.safe_load((stack.folder / "Pulumi.yaml").read_text())
    assert (stack.project, written["name"], written["description"]) == ("Shop_1.hubs", "Shop_1.hubs", "hubs")
    assert stacks.engine_folder("a") == stack.folder
    file.write_text("name: other\nruntime: python\n")
    assert stacks.engine_folder("a") == settings_only
    assert stack.project == "other"


def test_the_installed_program_counts(settings_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another installed version is another digest for a project of settings, and none for a copy of the program."""
    copy = settings_only / "copy"
    for name in ("hubstack/chart", "hubstack/components"):
        shutil.copytree(project.CODE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("settings.py", "configuration.py"):
        shutil.copy(project.CODE / "hubstack" / name, copy / "hubstack")
    before = [digest.program_version(folder) for folder in (settings_only, copy)]
    installed = settings_only / "installed"
    shutil.copytree(copy, installed)
    settings = installed / "hubstack" / "settings.py"
    settings.write_text("# a newer version\n" + settings.read_text())
    monkeypatch.setattr(project, "CODE", installed)
    digest.program_version.cache_clear()
    after = [digest.program_version(folder) for folder in (settings_only, copy)]
    digest.program_version.cache_clear()
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]
    assert before[0] == before[1]


def test_state_folders_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may look into a state folder, also where an earlier version has left it open; its content stays."""
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.delenv("HUBSTACK_STATE_DIR", raising=False)
    state = tmp_path / ".hubstack"
    (state / "backend").mkdir(parents=True)
    state.chmod(0o755)
    (state / "backend" / "old").write_text("state")
    made = [project.private_folder(state / name) for name in ("backend", "stacks/prod", "rollouts/1")]
    assert made == [state / "backend", state / "stacks" / "prod", state / "rollouts" / "1"]
    folders = [state, *(each for each in state.rglob("*") if each.is_dir())]
    assert {each.stat().st_mode & 0o777 for each in folders} == {0o700}
    assert (state / "backend" / "old").read_text() == "state"
    project.write_private(state / "file", "a\n")
    project.write_private(state / "file", "b\n")
    assert ((state / "file").stat().st_mode & 0o777, (state / "file").read_text()) == (0o600, "b\n")


def test_a_folder_that_somebody_has_named_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder that was there before may be somebody's home; what Hubstack makes in it is closed."""
    tmp_path.chmod(0o755)
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    project.private_folder(tmp_path / "backend")
    assert (tmp_path.stat().st_mode & 0o777, (tmp_path / "backend").stat().st_mode & 0o777) == (0o755, 0o700)
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "new"))
    project.private_folder(tmp_path / "new" / "backend")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700

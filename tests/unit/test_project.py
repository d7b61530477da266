"""Which folder is the project's, from a checkout and where a wheel was installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.fleet import digest
from hubstack.project import stacks


@pytest.fixture
def settings_only(tmp_path: Path) -> Path:
    """A project of settings, without a program."""
    document = {"config": {"hubstack:kubeContext": "c", "hubstack:values": {"cull": {"every": 300}}}}
    (tmp_path / "Pulumi.a.yaml").write_text(yaml.safe_dump(document))
    return tmp_path


def test_a_checkout_is_the_project_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of a checkout means that checkout, unless another project is named."""
    monkeypatch.delenv("HUBSTACK_ROOT", raising=False)
    (tmp_path / "Pulumi.yaml").touch()
    assert project.IS_CHECKOUT
    assert project.find_root(tmp_path) == project.CODE == project.ROOT
    monkeypatch.setenv("HUBSTACK_ROOT", str(tmp_path))
    assert project.find_root(project.CODE) == tmp_path


def test_an_installed_one_looks_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest folder with a Pulumi.yaml is the project; where none has one, the folder that one stands in."""
    monkeypatch.delenv("HUBSTACK_ROOT", raising=False)
    monkeypatch.setattr(project, "IS_CHECKOUT", False)
    below = tmp_path / "hubs" / "notes"
    below.mkdir(parents=True)
    assert project.find_root(below) == below
    (tmp_path / "hubs" / "Pulumi.yaml").touch()
    assert project.find_root(below) == tmp_path / "hubs"


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
        ("name: shop\nruntime: python\n", r"Pulumi\.yaml: name: 'shop': must be 'hubstack'"),
        ("- name\n", r"Pulumi\.yaml: name: None: must be 'hubstack'"),
        ("name: [\n", r"Pulumi\.yaml: not valid YAML: "),
    ],
)
def test_a_definition_that_cannot_be_used(settings_only: Path, text: str, message: str) -> None:
    """Settings begin with the project's name, so a project of another name is refused before anything runs."""
    (settings_only / "Pulumi.yaml").write_text(text)
    with pytest.raises(HubstackError, match=message):
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


def test_the_installed_program_counts(settings_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another installed version is another digest for a project of settings, and none for a copy of the program."""
    copy = settings_only / "copy"
    for name in ("hubstack/chart", "hubstack/components"):
        shutil.copytree(project.CODE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project.CODE / "hubstack" / "settings.py", copy / "hubstack")
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

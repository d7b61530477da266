"""Which stack a command means, and its work folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from hubstack.errors import HubstackError
from hubstack.project import secrets_provider, stacks


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "state"))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


def test_another_mode_or_other_values_get_a_stack_and_a_namespace_of_their_own(tmp_path: Path) -> None:
    """No choice of one run reaches the hub of the stack file."""
    values = tmp_path / "My_Config.yaml"
    values.write_text("{}")
    plain, helm = stacks.select("dev"), stacks.select("dev", mode="helm")
    trial = stacks.select("dev", mode="helm", values=(values,))
    assert (plain.name, helm.name, trial.name) == ("dev", "dev-helm", "dev-my-config-helm")
    assert len({plain.namespace, helm.namespace, trial.namespace}) == 3
    assert trial.config["hubstack:valuesFiles"] == [str(values)]
    assert stacks.select("dev", mode="native").name == "dev", "the file's own mode is no other choice"


@pytest.mark.parametrize(
    ("context", "kubeconfig", "embedded"),
    [
        ("hubstack-sim", None, True),
        ("hubstack-sim", "STATE/cluster/sim/kubeconfig", True),
        ("hubstack-node", "STATE/cluster/node/kubeconfig", True),
        ("hubstack-sim", "STATE/elsewhere/kubeconfig", False),
        ("hubstack-sim", "kubeconfig", False),
        ("prod", None, False),
        ("prod", "STATE/cluster/../kubeconfig", False),
    ],
)
def test_whose_cluster_a_stack_is_on(state: Path, context: str, kubeconfig: str | None, embedded: bool) -> None:
    """A kubeconfig that a stack names says more than the context: only an embedded cluster's own will do."""
    config = {"hubstack:kubeContext": context}
    if kubeconfig:
        config["hubstack:kubeconfig"] = kubeconfig.replace("STATE", str(state))
    assert stacks.Stack(name="dev", base="dev", config=config, document={}).is_embedded is embedded


def test_another_context_gets_a_stack_of_its_own() -> None:
    """A stack stays with its cluster: the engine would otherwise delete the hub of the first one."""
    plain, other = stacks.select("dev"), stacks.select("dev", context="arn:aws:eks/prod")
    assert (other.name, other.context, other.namespace) == ("dev-arn-aws-eks-prod", "arn:aws:eks/prod", plain.namespace)
    assert stacks.select("dev", context=plain.context).name == "dev"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"base": "nowhere"}, r"no stack 'nowhere': there is no .*/Pulumi\.nowhere\.yaml; known stacks: .*dev"),
        ({"base": "dev", "mode": "both"}, r"mode 'both': unknown; allowed: native, helm"),
        ({"base": "dev", "values": (Path("none.yaml"),)}, r"values file 'none\.yaml': no such file"),
    ],
)
def test_wrong_choices_are_named(choice: dict, message: str) -> None:
    """A wrong choice is told with its value and what is there."""
    with pytest.raises(HubstackError, match=message):
        stacks.select(**choice)


def test_a_run_leaves_the_repository_alone(state: Path) -> None:
    """The engine works in a copy of the stack's file; the salt that it wrote there survives the next run."""
    stack = stacks.select("dev")
    stacks.write_work_folder(stack)
    copy = stack.folder / "Pulumi.dev.yaml"
    assert copy.is_relative_to(state)
    document = yaml.safe_load(copy.read_text())
    copy.write_text(yaml.safe_dump({**document, "encryptionsalt": "v1:salt"}))
    stacks.write_work_folder(stack)
    assert yaml.safe_load(copy.read_text()) == {**document, "encryptionsalt": "v1:salt"}
    assert stacks.deployed() == ["dev"]
    assert stacks.recorded("dev").namespace == stack.namespace
    stacks.forget(stack)
    assert stacks.deployed() == []


CLOUD = {"secretsprovider": "awskms://alias/a", "encryptedkey": "k"}
SALT = {"encryptionsalt": "v1:salt"}


@pytest.mark.parametrize(
    ("document", "earlier", "carried"),
    [
        ({}, {}, {}),
        ({}, SALT, SALT),
        ({}, CLOUD, CLOUD),
        ({}, {"secretsprovider": "awskms://alias/a"}, {}),
        ({"secretsprovider": "awskms://alias/a"}, CLOUD, {"encryptedkey": "k"}),
        (CLOUD, {**CLOUD, "encryptedkey": "other"}, {}),
        ({"secretsprovider": "awskms://alias/b"}, CLOUD, {}),
        ({"secretsprovider": "awskms://alias/b"}, SALT, {}),
        ({"secretsprovider": "passphrase"}, {"secretsprovider": "passphrase", **SALT}, SALT),
        ({"encryptionsalt": "v1:mine"}, SALT, {}),
        ({"encryptionsalt": "v1:mine"}, CLOUD, {}),
    ],
)
def test_a_key_is_carried_on_while_its_provider_stays(
    document: dict[str, str], earlier: dict[str, str], carried: dict[str, str]
) -> None:
    """What the engine has written into the copy holds until the stack's file names another provider or has a key."""
    assert secrets_provider.carried(document, earlier) == carried


def test_the_passphrase_is_made_once_and_private(state: Path) -> None:
    """The local backend's passphrase stays the same, and only its owner can read it."""
    first = stacks.backend_environment()
    file = Path(first["PULUMI_CONFIG_PASSPHRASE_FILE"])
    text = file.read_text()
    assert len(text) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stacks.backend_environment() == first
    assert file.read_text() == text


def test_the_users_own_backend_and_passphrase_are_used(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    """Where the user has set a backend and a passphrase, nothing is made and nothing is overridden."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    assert stacks.backend_environment() == {}
    assert not state.exists()

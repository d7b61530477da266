"""However a hub's objects are named, whoever looks for one looks under the name that Helm made.

An adoption or a recovery that looks for the hub's Secret under another name draws new keys: people's sessions and their
encrypted auth state are lost.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from hubstack import project, settings
from hubstack.doctor import checks_cluster, checks_tokens
from hubstack.doctor.state import EngineState
from hubstack.engine.state import HELM_RELEASE, State
from hubstack.errors import HubstackError
from hubstack.fleet.gate_settings import Scheduler
from hubstack.fleet.gates import cluster
from hubstack.fleet.gates.target import Shut, Target
from hubstack.lifecycle import guards
from hubstack.migration import adopt, recover, stack_file, take_over
from hubstack.migration.adopt import Request
from hubstack.project.stacks import Stack
from tests import small_api_server
from tests.naming import NAMINGS, Naming
from tests.unit.doctor.fake import named, subject, texts

QUIET = Console(quiet=True)
SPACE = "people"
TOKENS = {
    "hub.config.ConfigurableHTTPProxy.auth_token": "token-of-the-proxy",
    "hub.config.JupyterHub.cookie_secret": "secret-of-the-cookies",
    "hub.config.CryptKeeper.keys": "keys-of-auth-state",
    "hub.services.announce.apiToken": "token-of-announce",
}
ADOPTED = {
    "proxy": "token-of-the-proxy",
    "cookie": "secret-of-the-cookies",
    "crypt": "keys-of-auth-state",
    "services": {"announce": "token-of-announce"},
}
"""The same, as a stack's file has them."""

every_naming = pytest.mark.parametrize("naming", NAMINGS, ids=lambda each: each.id)


def values(naming: Naming) -> dict[str, Any]:
    """The user's settings, with one service."""
    return {**naming.values, "hub": {**naming.values.get("hub", {}), "services": {"announce": {"admin": False}}}}


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    """As in a Secret."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def live(naming: Naming, version: str = "4.4.0") -> dict[str, dict[str, Any]]:
    """Where the API server has the objects of a hub that Helm deployed, and Helm's record."""
    record = {
        "name": naming.release,
        "namespace": SPACE,
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "jupyterhub", "version": version}},
        "config": values(naming),
        "manifest": "",
    }
    release = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    records = {"metadata": {"name": f"sh.helm.release.v1.{naming.release}.v1"}, "data": {"release": release}}
    deployment = {
        "metadata": {"name": naming.user_scheduler, "generation": 1},
        "spec": {"replicas": 2, "selector": {}, "template": {}},
        "status": {"readyReplicas": 2, "observedGeneration": 1},
    }
    return {
        f"/api/v1/namespaces/{SPACE}/secrets": {"items": [records]},
        f"/api/v1/namespaces/{SPACE}/secrets/{naming.hub}": {"data": encoded(TOKENS)},
        f"/apis/apps/v1/namespaces/{SPACE}/deployments/{naming.user_scheduler}": deployment,
    }


def stack(naming: Naming, kubeconfig: Path | str = "none", **more: Any) -> Stack:
    """A stack whose hub Helm deployed under one of these names."""
    settings = {"namespace": SPACE, "releaseName": naming.release, "values": values(naming), **more}
    settings |= {"kubeContext": small_api_server.CONTEXT, "kubeconfig": str(kubeconfig)}
    config = {f"hubstack:{key}": value for key, value in settings.items()}
    return Stack(name="dev", base="dev", config=config, document={"config": config})


class Engine(SimpleNamespace):
    """An engine whose state is lost."""

    def outputs(self) -> dict[str, Any]:
        return {}

    def entries(self) -> dict[str, str]:
        found = {key.removeprefix("hubstack:"): value for key, value in self.stack.config.items()}
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What goes into the stack's file encrypted, caught before it is; the project is an empty folder."""
    caught: dict[str, Any] = {}
    monkeypatch.setattr(stack_file, "encrypted", lambda _, secrets, *__: caught.update(secrets) or {})
    for name in ("EngineStack", "engine_environment", "engine_tools"):  # adoption opens one to encrypt with
        monkeypatch.setattr(adopt, name, lambda *_, **__: None)
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  hubstack:kubeContext: small\n")
    return caught


@every_naming
@pytest.mark.parametrize("version", ["4.4.0", "4.3.5", "3.3.8"])
def test_an_adoption_finds_the_live_tokens(
    naming: Naming, version: str, tmp_path: Path, written: dict[str, Any]
) -> None:
    """All of them, whatever the names, also with a chart version that is not modelled."""
    with small_api_server.serve(live(naming, version), tmp_path) as kubeconfig:
        result = adopt.adopt(Request("new", small_api_server.CONTEXT, SPACE, naming.release, "helm", kubeconfig), QUIET)
    assert written["adoptedTokens"] == ADOPTED
    assert result.tokens == ["cookie", "crypt", "proxy", "service-announce"]


@every_naming
def test_an_adoption_without_the_live_tokens_is_refused(
    naming: Naming, tmp_path: Path, written: dict[str, Any]
) -> None:
    """A hub whose Secret is not there: nothing is written, since the first update would draw new tokens."""
    there = live(naming)
    del there[f"/api/v1/namespaces/{SPACE}/secrets/{naming.hub}"]
    with small_api_server.serve(there, tmp_path) as kubeconfig, pytest.raises(HubstackError, match=naming.hub):
        adopt.adopt(Request("new", small_api_server.CONTEXT, SPACE, naming.release, "helm", kubeconfig), QUIET)
    assert written == {}
    assert not (tmp_path / "Pulumi.new.yaml").exists()


@every_naming
@pytest.mark.parametrize("chart", [{}, {"mode": "helm", "chart": {"version": "3.3.8"}}], ids=["native", "3.3.8"])
def test_a_recovery_finds_the_live_tokens(
    naming: Naming, chart: dict[str, Any], tmp_path: Path, written: dict[str, Any]
) -> None:
    """A stack whose state is lost goes on with all of them."""
    with small_api_server.serve(live(naming), tmp_path) as kubeconfig:
        lost = stack(naming, kubeconfig, **chart)
        result = recover.recover(Engine(stack=lost))
    assert written["adoptedTokens"] == ADOPTED
    assert result.tokens == ["cookie", "crypt", "proxy", "service-announce"]


@every_naming
def test_a_take_over_that_would_draw_new_tokens_is_refused(naming: Naming, tmp_path: Path) -> None:
    """A stack that is to take the hub over and does not know its tokens."""
    with small_api_server.serve(live(naming), tmp_path) as kubeconfig:
        unknowing = stack(naming, kubeconfig, takeOver=naming.release)
        with pytest.raises(HubstackError, match=r"does not know \(cookie, crypt, proxy, service-announce\)"):
            take_over.require_tokens(Engine(stack=unknowing), State())


@every_naming
def test_gates_find_the_scheduler_and_the_services_token(naming: Naming, tmp_path: Path) -> None:
    """Under the names of the stack's own release, since another hub may live in the namespace."""
    with small_api_server.serve(live(naming), tmp_path) as kubeconfig:
        target = Target(stack(naming, kubeconfig), None)
        assert cluster.scheduler(Scheduler(type="scheduler"), target) == "user scheduler: 2 of 2 pods are ready"
        assert cluster.service_token(target, "announce") == "token-of-announce"
        with pytest.raises(Shut, match=r"no Secret of the hub has hub\.services\.other\.apiToken"):
            cluster.service_token(target, "other")


def test_a_scheduler_that_is_missing_shuts_the_gate(tmp_path: Path) -> None:
    """Only a stack that has none passes without one."""
    naming = NAMINGS[0]
    with small_api_server.serve({}, tmp_path) as kubeconfig:
        with pytest.raises(Shut, match="there is no Deployment user-scheduler in namespace people"):
            cluster.scheduler(Scheduler(type="scheduler"), Target(stack(naming, kubeconfig), None))
        without = stack(naming, kubeconfig, values={"scheduling": {"userScheduler": {"enabled": False}}})
        seen = cluster.scheduler(Scheduler(type="scheduler"), Target(without, None))
        assert seen == "the stack has no user scheduler"


def test_a_service_token_of_the_users_own_secret_comes_first(tmp_path: Path) -> None:
    """The hub reads ``hub.existingSecret`` before the chart's Secret, key by key."""
    naming = next(each for each in NAMINGS if each.id == "existing-secret")
    brought = {"data": encoded({"hub.services.announce.apiToken": "brought-token"})}
    there = {**live(naming), f"/api/v1/namespaces/{SPACE}/secrets/brought": brought}
    with small_api_server.serve(there, tmp_path) as kubeconfig:
        assert cluster.service_token(Target(stack(naming, kubeconfig), None), "announce") == "brought-token"


@every_naming
def test_the_doctor_compares_the_live_tokens(naming: Naming) -> None:
    """A hub that runs with tokens which this stack does not have is an error, whatever its Secret is called."""
    there = {f"/api/v1/namespaces/{SPACE}/secrets/{naming.hub}": {"data": encoded(TOKENS)}}
    looked = subject(values(naming), objects=there, namespace=SPACE, releaseName=naming.release, engine=EngineState())
    ((severity, what),) = texts(list(checks_tokens.tokens(looked)))
    assert severity == "error"
    assert what.startswith("a hub runs in namespace people, and this stack's state does not have its tokens")


@every_naming
@pytest.mark.parametrize("chart", [{}, {"mode": "helm", "chart": {"version": "4.3.5"}}], ids=["native", "4.3.5"])
def test_the_doctor_finds_the_deployed_chart(naming: Naming, chart: dict[str, Any]) -> None:
    """A step back to an older chart is an error, whatever the hub's Deployment is called."""
    hub = named(naming.hub, labels={"helm.sh/chart": "jupyterhub-4.5.0"})
    there = {f"/apis/apps/v1/namespaces/{SPACE}/deployments/{naming.hub}": hub}
    looked = subject(values(naming), objects=there, namespace=SPACE, releaseName=naming.release, **chart)
    errors = [what for severity, what in texts(list(checks_cluster.chart(looked))) if severity == "error"]
    assert errors == [f"chart 4.5.0 is deployed, the stack has {looked.config.chart.version}"]


@every_naming
@pytest.mark.parametrize("version", ["4.4.0", "3.3.8"])
def test_an_update_that_would_rename_the_database_is_refused(naming: Naming, version: str) -> None:
    """The claim that Helm made is that of the settings; one of another name would be deleted."""
    wanted = stack(naming, mode="helm", chart={"version": version})
    release = {"type": HELM_RELEASE, "inputs": {"name": naming.release, "namespace": SPACE}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

    def refuse(name: str) -> None:
        claim = {"metadata": {"name": name, "namespace": SPACE}, "spec": spec}
        guards.refuse_data_loss(wanted, State.read({"resources": [release]}), lambda *_: [claim])

    refuse(naming.claim)
    with pytest.raises(HubstackError, match=f"fullnameOverride.*: 'old-hub-db-dir' -> '{naming.claim}'"):
        refuse("old-hub-db-dir")


@every_naming
def test_the_public_service_of_a_release_of_any_version(naming: Naming) -> None:
    """Mode helm reads it for the hub's address, also where the chart's version is not modelled."""
    entries = {
        "mode": "helm",
        "kubeContext": "x",
        "releaseName": naming.release,
        "chart": '{"version": "3.3.8"}',
        "values": json.dumps(dict(naming.values)),
    }
    resolved = settings.resolve(settings.parse(entries, set()), project.ROOT)
    assert resolved.names.proxy_public == naming.proxy_public

"""JupyterHub itself, with the files, token and rights that a stack really made, makes servers as the settings say.

The API server, its permissions and volume claims are real, the hub and the proxy are the real programs. Users' servers
are played by one small server (`inside/notebook.py`): what runs in a user's pod is not shown here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.cluster.api import ApiError
from hubstack.parity.compare import differences
from tests.engine.hub.conftest import PASSWORD, Deployed
from tests.engine.hub.normal import normal

EXPECTED = Path(__file__).with_name("expected")
LARGE = {"profile": "large", "profile-option-large--memory": "eight"}


def expected(name: str) -> dict[str, Any]:
    """An object as it has to be."""
    return yaml.safe_load((EXPECTED / f"{name}.yaml").read_text())


def test_only_who_may_gets_in(deployed: Deployed) -> None:
    """The right password of somebody who is allowed opens the hub; anything else is refused and leaves no session."""
    stranger = deployed.hub.browser()
    assert stranger.get("/hub/home").url.startswith("/hub/login")
    for name, password in (("alice", "open barley"), ("alice", ""), ("mallory", PASSWORD)):
        page = stranger.login(name, password)
        assert (page.status, page.url) == (403, "/hub/login"), (name, password, page)
        assert stranger.api("GET", "/user").status == 403
    alice = deployed.login("alice")
    assert alice.api("GET", "/user").json()["name"] == "alice"
    assert alice.api("GET", "/users/bob").status == 404, "somebody else's account"


def test_a_server_is_exactly_as_the_settings_say(deployed: Deployed) -> None:
    """Pod and volume claim of a server, with its profile and its choice, are as expected; the proxy leads there."""
    alice = deployed.login("alice")
    pod = deployed.spawn(alice, "alice", **LARGE)
    assert list(differences(expected("pod"), normal(pod))) == []
    (claim,) = deployed.claims("alice")
    assert list(differences(expected("claim"), normal(claim))) == []
    assert claim["status"]["phase"] == "Bound"
    answer = alice.get("/user/alice/lab").json()
    assert answer == {"address": pod["status"]["podIP"], "path": "/user/alice/lab"}
    assert deployed.hub.browser().get("/hub/user-redirect/lab").url.startswith("/hub/login")


def test_another_profile_and_an_awkward_name(deployed: Deployed) -> None:
    """The default profile changes nothing; a name that cannot be part of an object's name is written in a safe way."""
    name = "carol.smith@example.org"
    carol = deployed.login(name)
    pod = deployed.spawn(carol, name)
    assert pod["metadata"]["annotations"] == {
        **expected("pod")["metadata"]["annotations"],
        "hub.jupyter.org/username": name,
        "example.org/home": f"homes/{pod['metadata']['labels']['example.org/person']}",
    }
    slug = pod["metadata"]["labels"]["example.org/person"]
    assert slug.startswith("carol-smith-example-org---")
    assert pod["metadata"]["name"] == f"jupyter-{slug}"
    assert [each["metadata"]["name"] for each in deployed.claims(name)] == [f"claim-{slug}"]
    (container,) = pod["spec"]["containers"]
    assert container["resources"] == {
        "limits": {"cpu": "2", "memory": "1073741824"},
        "requests": {"cpu": "500m", "memory": "536870912"},
    }
    assert "PROFILE" not in {each["name"] for each in container["env"]}


def test_stopping_deletes_the_pod_and_keeps_the_home(deployed: Deployed) -> None:
    """A stopped server's pod goes, its volume claim stays, and the next server has the same volume."""
    bob = deployed.login("bob")
    pod = deployed.spawn(bob, "bob")
    (claim,) = deployed.claims("bob")
    deployed.stop(bob, "bob")
    assert deployed.hub.client.find(deployed.hub.kubelet.path("pods", pod["metadata"]["name"])) is None
    again = deployed.spawn(bob, "bob")
    assert again["metadata"]["uid"] != pod["metadata"]["uid"]
    (kept,) = deployed.claims("bob")
    assert (kept["metadata"]["uid"], kept["spec"]["volumeName"]) == (
        claim["metadata"]["uid"],
        claim["spec"]["volumeName"],
    )


def test_named_servers_are_servers_of_their_own(deployed: Deployed) -> None:
    """A named server has a pod, a volume and an address of its own beside the default one; one too many is refused."""
    dave = deployed.login("dave")
    pods = {server: deployed.spawn(dave, "dave", server) for server in ("", "gpu")}
    assert {server: pod["metadata"]["name"] for server, pod in pods.items()} == {
        "": "jupyter-dave",
        "gpu": "jupyter-dave--gpu",
    }
    claims = {each["metadata"]["name"]: each["status"]["phase"] for each in deployed.claims("dave")}
    assert claims == {"claim-dave": "Bound", "claim-dave--gpu": "Bound"}
    for server, pod in pods.items():
        path = f"/user/dave/{server}/lab".replace("//", "/")
        assert dave.get(path).json() == {"address": pod["status"]["podIP"], "path": path}
        volumes = [each["persistentVolumeClaim"] for each in pod["spec"]["volumes"] if "persistentVolumeClaim" in each]
        assert volumes == [{"claimName": f"claim-dave--{server}".removesuffix("--")}]
    assert dave.api("POST", "/users/dave/servers/third").status == 400


def test_a_restarted_hub_knows_sessions_and_servers(deployed: Deployed) -> None:
    """While the hub is away servers answer; once it is back, people are still logged in, and their servers the same."""
    erin = deployed.login("erin")
    pod = deployed.spawn(erin, "erin")
    before = deployed.servers(erin, "erin")[""]
    deployed.hub.stop()
    answer = erin.get("/user/erin/lab").json()
    assert answer["address"] == pod["status"]["podIP"]
    assert erin.get("/hub/home").status == 503
    deployed.hub.replace_pod()
    deployed.hub.start()
    home = erin.get("/hub/home")
    assert (home.status, home.url) == (200, "/hub/home")
    after = deployed.servers(erin, "erin")[""]
    assert (after["ready"], after["started"]) == (True, before["started"])
    (same,) = deployed.pods("erin")
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]
    assert erin.get("/user/erin/lab").json() == answer
    deployed.stop(erin, "erin")
    assert deployed.pods("erin") == []


def test_the_hub_may_do_what_its_role_says_and_no_more(deployed: Deployed) -> None:
    """The token of the hub's process has the rights of the Role in its own namespace, and none elsewhere."""
    client, namespace = deployed.hub.own_client(), deployed.hub.namespace
    everything = ["create", "delete", "get", "list", "watch"]
    wanted = {
        **dict.fromkeys(("persistentvolumeclaims", "pods", "secrets", "services"), everything),
        "events": ["get", "list", "watch"],
    }

    def rights(where: str) -> dict[str, list[str]]:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": where}}
        review = client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body)["status"]
        assert not review["incomplete"]
        # Everybody may ask what their own rights are.
        rules = [
            rule
            for rule in review["resourceRules"]
            if not {"authorization.k8s.io", "authentication.k8s.io"} & {*rule["apiGroups"]}
        ]
        assert all(rule["apiGroups"] == [""] for rule in rules)
        return {resource: sorted(rule["verbs"]) for rule in rules for resource in rule["resources"]}

    assert rights(namespace) == wanted
    assert rights("kube-system") == rights("default") == {}
    pods = f"/api/v1/namespaces/{namespace}/pods"
    assert client.get(pods)["kind"] == "PodList"
    for method, path in (
        ("GET", "/api/v1/namespaces/kube-system/secrets"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/nodes"),
        ("POST", "/api/v1/namespaces/default/pods"),
        ("POST", f"{pods}/jupyter-alice/exec?command=id&stdout=true"),
        ("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments"),
        ("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"),
    ):
        with pytest.raises(ApiError) as refused:
            client.raw(method, path, {} if method == "POST" else None)
        assert (refused.value.status, f"serviceaccount:{namespace}:hub" in str(refused.value)) == (403, True), path


def test_an_idle_server_is_culled(deployed: Deployed) -> None:
    """With a new time limit, deployed by an update, the culler stops a server that nobody uses; its volume stays.

    The last test, as nobody's server lives long after it.
    """
    frank = deployed.login("frank")
    deployed.spawn(frank, "frank")
    (claim,) = deployed.claims("frank")
    settings = yaml.safe_load(deployed.values.read_text())
    settings["cull"]["timeout"] = 4
    deployed.values.write_text(yaml.safe_dump(settings))
    deployed.hub.stop()
    report = deployed.update()
    assert report.changes.get("update") == 2, "the hub's Secret, and its Deployment, which restarts the hub"
    deployed.hub.start()
    deployed.hub.wait("frank's server is culled", lambda: not deployed.pods("frank"))
    deployed.hub.wait("the hub has forgotten the server", lambda: deployed.servers(frank, "frank") == {})
    (kept,) = deployed.claims("frank")
    assert kept["metadata"]["uid"] == claim["metadata"]["uid"]

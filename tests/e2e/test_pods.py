"""What real containers show: pods give way, updates wait for images, servers outlive the hub."""

from __future__ import annotations

import copy
import threading
import time

import pytest
import yaml
from playwright.sync_api import Browser

from tests.e2e.conftest import SCREENSHOTS, VALUES, Hub, Place
from tests.e2e.person import Person
from tests.e2e.simulated import TAINT, simulated_nodes
from tests.e2e.waiting import answers, eventually

pytestmark = pytest.mark.long

PLACEHOLDER = "component%3Duser-placeholder"
HUB = "component%3Dhub"


def running(pods: list[dict]) -> list[dict]:
    """Those that run and are not on their way out."""
    return [pod for pod in pods if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]]


@pytest.mark.long
def test_a_user_takes_the_place_of_a_placeholder(browser: Browser, hub: Hub) -> None:
    """On a full node, a placeholder is evicted for a person's pod, and waits for room until the person has gone."""
    node = hub.node.client().get("/api/v1/nodes")["items"][0]
    cpus = _cpus(node["status"]["allocatable"]["cpu"])
    used = sum(_requested(pod) for pod in hub.node.client().get("/api/v1/pods")["items"])
    # one placeholder and one person fit nowhere together, each of them alone does
    size = round((cpus - used) * 0.6, 2)
    values = copy.deepcopy(VALUES)
    values["singleuser"]["cpu"] = {"guarantee": size}
    values["scheduling"] = {"podPriority": {"enabled": True}, "userPlaceholder": {"enabled": True, "replicas": 1}}
    hub.up(values)
    eventually(lambda: running(hub.pods(PLACEHOLDER)), "the placeholder runs")
    with Person(browser, hub.url, "rosa", SCREENSHOTS) as person:
        person.log_in()
        person.open_lab()
        assert [pod["status"]["phase"] for pod in hub.pods(PLACEHOLDER)] == ["Pending"]
        person.stop()
    eventually(lambda: running(hub.pods(PLACEHOLDER)), "the placeholder has its room again")


@pytest.mark.long
def test_the_hub_changes_only_after_its_images_are_there(hub: Hub, place: Place) -> None:
    """While an image of the new settings cannot be pulled, the old hub serves; once it is there, the update goes on."""
    absent = "example.invalid/lab"
    values = copy.deepcopy(VALUES)
    values["singleuser"]["image"] = {"name": absent, "tag": "1"}
    [before] = hub.pods(HUB)
    update = threading.Thread(target=hub.up, args=(values,), daemon=True)
    update.start()
    puller = "component%3Dhook-image-puller"

    def waits() -> bool:
        states = [
            state["state"].get("waiting", {}).get("reason", "")
            for pod in hub.pods(puller)
            for state in pod["status"].get("initContainerStatuses", [])
        ]
        return any(reason in ("ErrImagePull", "ImagePullBackOff") for reason in states)

    eventually(waits, "the puller asks for the image that does not exist")
    time.sleep(5)
    assert [pod["metadata"]["uid"] for pod in hub.pods(HUB)] == [before["metadata"]["uid"]], "the hub was not touched"
    assert answers(f"{hub.url}/hub/health")
    place.node.tag_image(place.tools["ctr"], "quay.io/jupyterhub/k8s-singleuser-sample:4.4.0", f"{absent}:1")
    update.join(600)
    assert not update.is_alive()
    [after] = running(hub.pods(HUB))
    assert after["metadata"]["uid"] != before["metadata"]["uid"], "the hub has the new settings"


@pytest.mark.long
def test_servers_outlive_a_change_of_the_hub(browser: Browser, hub: Hub) -> None:
    """Settings change while a person works: the hub restarts, the kernel keeps its variables, the page comes back."""
    outage: list[float] = []
    done = threading.Event()

    def watch() -> None:
        down_since = None
        while not done.is_set():
            if answers(f"{hub.url}/hub/health"):
                if down_since is not None:
                    outage.append(time.monotonic() - down_since)
                down_since = None
            elif down_since is None:
                down_since = time.monotonic()
            time.sleep(0.1)

    hub.up(VALUES)
    with Person(browser, hub.url, "emmy", SCREENSHOTS) as person:
        person.log_in()
        person.open_lab()
        person.new_notebook()
        assert person.run("kept = 41; print('set')") == "set"
        [pod] = hub.pods("hub.jupyter.org/username=emmy")
        [before] = hub.pods(HUB)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            hub.up({**VALUES, "cull": {"timeout": 7200}})
        finally:
            done.set()
            watcher.join()
        [after] = running(hub.pods(HUB))
        assert after["metadata"]["uid"] != before["metadata"]["uid"], "the hub was restarted by the change"
        assert person.run("print(kept + 1)") == "42", "the kernel went on"
        assert [each["metadata"]["uid"] for each in hub.pods("hub.jupyter.org/username=emmy")] == [
            pod["metadata"]["uid"]
        ]
        person.page.goto(f"{hub.url}/hub/home")
        person.page.wait_for_selector("#stop")  # still logged in, and the hub knows of the server
        person.stop()
    print(f"the hub did not answer for {sum(outage):.1f} s")


def test_the_user_scheduler_packs(hub: Hub, place: Place) -> None:
    """Of two nodes, the chart's scheduler takes the fuller one, where Kubernetes' own takes the emptier one."""
    client = hub.node.client()
    config = client.get(f"/api/v1/namespaces/{hub.namespace}/configmaps/user-scheduler")["data"]["config.yaml"]
    [profile] = yaml.safe_load(config)["profiles"]
    with simulated_nodes(place, ("full", "empty")):
        for node, name, scheduler in (
            ("full", "filler", None),
            (None, "own", "default-scheduler"),
            (None, "packed", profile["schedulerName"]),
        ):
            client.request("POST", f"/api/v1/namespaces/{hub.namespace}/pods", _pod(name, node, scheduler))
            place_of = f"/api/v1/namespaces/{hub.namespace}/pods/{name}"
            eventually(lambda path=place_of: client.get(path)["spec"].get("nodeName"), f"{name} has a node")
        found = {
            name: client.get(f"/api/v1/namespaces/{hub.namespace}/pods/{name}")["spec"]["nodeName"]
            for name in ("own", "packed")
        }
        for name in ("filler", "own", "packed"):
            client.request("DELETE", f"/api/v1/namespaces/{hub.namespace}/pods/{name}")
    assert found == {"own": "empty", "packed": "full"}


def _pod(name: str, node: str | None, scheduler: str | None) -> dict:
    cpu = "4" if node else "1"
    spec = {
        "containers": [{"name": "x", "image": "x", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}],
        "nodeSelector": {TAINT: "true"},
        "tolerations": [{"key": TAINT, "operator": "Exists"}],
    }
    spec |= {"nodeName": node} if node else {}
    spec |= {"schedulerName": scheduler} if scheduler else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _cpus(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _requested(pod: dict) -> float:
    if pod["status"]["phase"] in ("Succeeded", "Failed"):
        return 0.0
    requests = [each.get("resources", {}).get("requests", {}).get("cpu", "0") for each in pod["spec"]["containers"]]
    return sum(_cpus(each) for each in requests)

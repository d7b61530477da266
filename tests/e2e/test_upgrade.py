"""From the chart before to this one: the database is upgraded, and nobody in it is lost."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser

from hubstack import project
from hubstack.cluster.node import layers
from hubstack.cluster.node.cluster import image_folder
from hubstack.cluster.node.images import built, images, python_layer
from hubstack.cluster.node.store import Image, Store
from tests.e2e.conftest import SCREENSHOTS, VALUES, Hub, Place
from tests.e2e.person import Person
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.long

BEFORE, NOW = "4.3.5", "4.4.0"


def older_images(place: Place) -> None:
    """Give the node what chart 4.3.5 asks for: its JupyterHub, and other names for all the rest."""
    packages = (layers.REQUIREMENTS / "hub.txt").read_text().replace("jupyterhub==5.5.0", "jupyterhub==5.4.6")
    requirements = place.folder / f"hub-{BEFORE}.txt"
    requirements.write_text(packages)
    folder, layer = image_folder(), f"hub-{BEFORE}"
    [hub] = [image for image in images() if "k8s-hub:" in image.name]
    older = Image(hub.name.replace(NOW, BEFORE), ("base", layer), hub.config)
    ours = built(folder, place.tools["kube-scheduler-1.30"])
    store = Store(folder, [*ours, python_layer(folder, layer, requirements)], [*images(), older])
    store.build(print)
    place.node.load_images(place.tools, store)
    # the programs of these have not changed in between
    there = {image.name.rpartition(":")[0]: image.name for image in images()}
    for name in chart_images() - {older.name, *there.values()}:
        place.node.tag_image(place.tools["ctr"], there[name.rpartition(":")[0]], name)


def chart_images() -> set[str]:
    """Images that the older chart's default values name, but for those of automatic HTTPS."""
    with tarfile.open(project.mirrored_chart(BEFORE) or "") as archive:
        file = archive.extractfile("jupyterhub/values.yaml")
        values = yaml.safe_load(file.read() if file else "")
    found: set[str] = set()

    def walk(tree: object) -> None:
        if isinstance(tree, dict):
            if tree.get("name") and tree.get("tag"):
                found.add(f"{tree['name']}:{tree['tag']}")
            for value in tree.values():
                walk(value)

    walk(values)
    return {name for name in found if "secret-sync" not in name and "traefik" not in name}


def people(hub: Hub, copy: Path) -> list[tuple]:
    """Name and time of creation of everybody in the hub's database."""
    shutil.copy2(hub.volume("hub-db-dir") / "jupyterhub.sqlite", copy)
    with sqlite3.connect(copy) as database:
        return database.execute("select name, created, cookie_id from users order by name").fetchall()


@pytest.mark.long
def test_an_upgrade_of_the_chart_keeps_everybody(browser: Browser, place: Place, tmp_path: Path) -> None:
    """After 4.3.5 to 4.4.0 the same people are in the database, and who was logged in still is, with their files."""
    older_images(place)
    hub = place.deploy("upgrade", VALUES, mode="helm", chart=BEFORE)
    try:
        with Person(browser, hub.url, "lise", SCREENSHOTS) as person:
            person.log_in()
            person.open_lab()
            person.stop()
            before = people(hub, tmp_path / "before.sqlite")
            [pod] = hub.pods("component%3Dhub")
            assert pod["spec"]["containers"][0]["image"].endswith(BEFORE)
            assert [name for name, *_ in before] == ["lise"]
            hub = place.deploy("upgrade", VALUES, mode="helm", chart=NOW)
            hub.answers()
            eventually(lambda: len(hub.pods("component%3Dhub")) == 1, "one hub is left")
            [pod] = hub.pods("component%3Dhub")
            assert pod["spec"]["containers"][0]["image"].endswith(NOW)
            assert people(hub, tmp_path / "after.sqlite") == before
            person.page.goto(f"{hub.url}/hub/home")
            person.page.wait_for_selector("#start")  # the session of the older hub is still good
    finally:
        hub.updater.destroy()

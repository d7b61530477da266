"""Mode helm with a chart that is known by its digest: fetched by the program, compared, deployed from here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubstack import project
from hubstack.chart_archive import FOLDER
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack
from tests.engine.conftest import Machine
from tests.unit.test_chart_source import index, repository_of
from tests.unit.web_servers import Server

VERSION = "4.4.0"


@pytest.fixture
def archive(machine: Machine) -> bytes:
    """The chart's archive."""
    found = project.mirrored_chart(VERSION)
    assert found
    return found.read_bytes()


@pytest.fixture
def repository(archive: bytes) -> Iterator[tuple[Server, dict[str, bytes]]]:
    """A chart repository on this machine, and its files."""
    files = {"/index.yaml": index("jupyterhub.tgz", version=VERSION), "/jupyterhub.tgz": archive}
    with repository_of(files) as server:
        yield server, files


@pytest.mark.long
def test_the_very_chart_is_deployed(
    machine: Machine, root: Path, archive: bytes, repository: tuple[Server, dict[str, bytes]]
) -> None:
    """Once fetched, it is not asked for again; another archive in its place is refused before anything changes."""
    server, files = repository
    digest = f"sha256:{hashlib.sha256(archive).hexdigest()}"
    chart = {"repository": server.url, "insecure": True, "digest": digest}
    config = {
        "hubstack:mode": "helm",
        "hubstack:namespace": "jhub-digest",
        "hubstack:kubeContext": machine.cluster.context,
        "hubstack:kubeconfig": str(machine.cluster.kubeconfig),
        "hubstack:protectData": "false",
        "hubstack:chart": chart,
    }
    stack = Stack(name="digest", base="dev", config=config, document={"config": config}, root=root)
    updater = machine.updater(stack)
    try:
        assert updater.up().outputs["mode"] == "helm"
        assert len(server.came) == 2
        assert updater.up().changed == 0
        assert len(server.came) == 2
        (fetched,) = (root / FOLDER).glob("*.tgz")
        assert fetched.read_bytes() == archive
        fetched.unlink()
        files["/jupyterhub.tgz"] = archive + b"x"
        with pytest.raises(HubstackError, match=r"chart\.digest says .* Nothing was changed"):
            updater.up()
    finally:
        files["/jupyterhub.tgz"] = archive
        updater.destroy()

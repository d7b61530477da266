"""What a cloud would bring, for a real node: a folder as volume for every claim, an address for every load balancer.

Runs as a process of its own inside the node (``python -m hubstack.cluster.node.addons``). It does what the simulated
cloud does, but with volumes that can be mounted and addresses that answer.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

from hubstack.cluster.api import ApiClient
from hubstack.cluster.cloud_provider import Action, Cache, CloudProvider, balancers, new_volumes, removed, resized
from hubstack.cluster.node.network import ADDRESSES, NODE


class Folders:
    """The volumes on disk: one folder for each claim."""

    def __init__(self, root: Path) -> None:
        """Arguments:
        root: folder that holds them.
        """
        self._root = root

    def plan(self, cache: Cache) -> list[Action]:
        """Everything that has to be done now; the folders themselves are made and removed on the way."""
        return [
            *self._made(cache),
            *resized(cache),
            *self._removed(cache),
            *balancers(cache, lambda: ADDRESSES),
        ]

    def _made(self, cache: Cache) -> Iterator[Action]:
        for action in new_volumes(cache):
            spec = action.body["spec"]
            folder = self._root / action.body["metadata"]["name"]
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
            # a `local` volume, unlike `hostPath`, gets the group that a pod asks for by fsGroup
            del spec["hostPath"]
            spec["local"] = {"path": str(folder)}
            here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
            yield action

    def _removed(self, cache: Cache) -> Iterator[Action]:
        for action in removed(cache):
            # only volumes whose class says Delete come here
            shutil.rmtree(self._root / action.path.rpartition("/")[2], ignore_errors=True)
            yield action


def main() -> None:
    """Command line of the controller; the node's first process starts it."""
    parser = argparse.ArgumentParser(description="volumes and addresses of a local node")
    parser.add_argument("--server", required=True, help="URL of the API server")
    parser.add_argument("--pki", required=True, type=Path, help="folder with ca.crt, cloud.crt and cloud.key")
    parser.add_argument("--heartbeat", required=True, type=Path, help="file that is touched while all is well")
    parser.add_argument("--volumes", required=True, type=Path, help="folder for the volumes")
    args = parser.parse_args()
    client = ApiClient(args.server, args.pki / "ca.crt", args.pki / "cloud.crt")
    CloudProvider(client, args.heartbeat, Folders(args.volumes).plan).run()


if __name__ == "__main__":
    main()

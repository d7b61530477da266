"""SingleUser: what users' servers need before the hub spawns the first of them."""

from __future__ import annotations

import pulumi

from hubstack.chart import singleuser
from hubstack.components import kubernetes
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs


class SingleUser(ChartComponent):
    """The network policy of users' servers and the files that are mounted into them."""

    def __init__(self, name: str, args: ChartComponentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("SingleUser", name, args, opts)
        self.network_policy = self._add(kubernetes.NetworkPolicy, singleuser.network_policy)
        self.secret = self._add(kubernetes.Secret, singleuser.secret)
        self._register_object_names()

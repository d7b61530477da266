"""SingleUser: what users' servers need before the hub spawns the first of them."""

from __future__ import annotations

import pulumi

from hubstack.chart import singleuser
from hubstack.components.part import Part, PartArgs


class SingleUser(Part):
    """The network policy of users' servers and the files that are mounted into them."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("SingleUser", name, args, opts)
        self.network_policy = self._add(singleuser.network_policy)
        self.secret = self._add(singleuser.secret)
        self.register_outputs({})

"""Impact rules: what people will notice of a change, each rule as data with its own small test of two revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.review.changes import ObjectChange
from hubstack.review.nature import url_without_password
from hubstack.review.rendering import Rendered


@dataclass(frozen=True)
class Change:
    """Both sides of one stack, and the objects that differ."""

    base: Rendered
    head: Rendered
    objects: tuple[ObjectChange, ...]

    def settings(self, path: str) -> tuple[Any, Any]:
        """A setting on both sides; None where it is not set."""
        return at(self.base.values, path), at(self.head.values, path)

    def differs(self, *paths: str) -> bool:
        """Whether any of these settings differs."""
        return any(before != after for before, after in map(self.settings, paths))

    def action(self, kind: str, component: str) -> str | None:
        """What happens to the object of a kind with a component label."""
        for each in self.objects:
            manifest = self.head.objects.get(each.name) or self.base.objects.get(each.name) or {}
            labels = manifest.get("metadata", {}).get("labels", {})
            if manifest.get("kind") == kind and labels.get("component") == component:
                return each.action
        return None


@dataclass(frozen=True)
class Finding:
    """One thing that people will notice."""

    rule: str
    text: str
    blocks: bool
    accepted: str | None = None
    """Why it is all right this time; None where nobody has said so."""


@dataclass(frozen=True)
class Rule:
    """A rule: how to see it, and what it means for people."""

    name: str
    means: str
    applies: Callable[[Change], Iterable[str]]
    """Yields a detail, possibly blank, for each time that it applies."""
    blocks: bool = False
    """Whether the change must not land unless the rule is accepted by name."""


def judge(change: Change, accepted: Mapping[str, str]) -> tuple[Finding, ...]:
    """All findings, those that block first.

    Arguments:
        accepted: reason by rule name, for rules that are accepted for this change.
    """
    found = [
        Finding(rule.name, f"{rule.means}{f' ({detail})' if detail else ''}", rule.blocks, accepted.get(rule.name))
        for rule in RULES
        for detail in rule.applies(change)
    ]
    return tuple(sorted(found, key=lambda finding: not finding.blocks or bool(finding.accepted)))


def at(tree: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for step in path.split("."):
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(step)
    return tree


def _when(condition: Callable[[Change], bool]) -> Callable[[Change], Iterator[str]]:
    def applies(change: Change) -> Iterator[str]:
        if condition(change):
            yield ""

    return applies


def _restart(component: str) -> Callable[[Change], Iterator[str]]:
    return _when(lambda change: change.action("Deployment", component) in ("restart", "replace"))


def _moved(*paths: str) -> Callable[[Change], Iterator[str]]:
    def applies(change: Change) -> Iterator[str]:
        for path in paths:
            before, after = change.settings(path)
            if before != after:
                shown = ["unset" if value is None else str(value) for value in (before, after)]
                yield f"{path}: {' -> '.join(shown)}"

    return applies


def _public_address(change: Change) -> Iterator[str]:
    yield from _moved("proxy.service.type", "proxy.service.loadBalancerIP", "ingress.hosts", "proxy.https.hosts")(
        change
    )


def _data_objects(change: Change) -> Iterator[str]:
    for each in change.objects:
        kind = each.name.partition("/")[0]
        if kind in ("PersistentVolumeClaim", "StorageClass") and each.action in ("replace", "delete"):
            yield f"{each.name}: {each.action}"


def _database(change: Change) -> Iterator[str]:
    before, after = change.settings("hub.db.type")
    if before != after:
        yield f"hub.db.type: {before} -> {after}"
    urls = [url_without_password(str(url or "")) for url in change.settings("hub.db.url")]
    if urls[0] != urls[1]:
        yield "hub.db.url"


HOME_NAMES = (
    "singleuser.storage.type",
    "singleuser.storage.dynamic.pvcNameTemplate",
    "singleuser.storage.dynamic.subPath",
    "singleuser.storage.static.pvcName",
    "singleuser.storage.static.subPath",
    "hub.config.KubeSpawner.pvc_name_template",
    "hub.config.KubeSpawner.slug_scheme",
)


def _profiles(tree: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    profiles = at(tree, "singleuser.profileList") or []
    named = [each for each in profiles if isinstance(each, Mapping)]
    return {str(each.get("slug") or each.get("display_name")): each for each in named}


def _profile_removed(change: Change) -> Iterator[str]:
    before, after = _profiles(change.base.values), _profiles(change.head.values)
    if before and after:
        yield from (name for name in before if name not in after)


def _images(change: Change) -> Iterator[str]:
    for section in ("singleuser.image", "hub.image", "proxy.chp.image"):
        names = [
            f"{at(side.values, section + '.name')}:{at(side.values, section + '.tag')}"
            for side in (change.base, change.head)
        ]
        if names[0] != names[1] and section == "singleuser.image":
            yield f"{names[0]} -> {names[1]}"
    before, after = _profiles(change.base.values), _profiles(change.head.values)
    for name in before.keys() & after.keys():
        images = [at(side[name], "kubespawner_override.image") for side in (before, after)]
        if images[0] != images[1]:
            yield f"profile {name}: {images[0]} -> {images[1]}"


def _authenticator(change: Change) -> Iterator[str]:
    yield from _moved("hub.config.JupyterHub.authenticator_class")(change)


def _policy_widened(change: Change) -> Iterator[str]:
    for pods in ("hub", "proxy.chp", "proxy.traefik", "singleuser"):
        before, after = change.settings(f"{pods}.networkPolicy")
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            continue
        if before.get("enabled") and not after.get("enabled"):
            yield f"{pods}: no network policy any more"
            continue
        rules = before.get("egressAllowRules") or {}
        opened = [key for key, on in (after.get("egressAllowRules") or {}).items() if on and not rules.get(key)]
        for way in ("ingress", "egress", "allowedIngressPorts"):
            if [rule for rule in after.get(way) or [] if rule not in (before.get(way) or [])]:
                opened.append(way)
        if opened:
            yield f"{pods}: {', '.join(opened)}"


def _admins(change: Change) -> Iterator[str]:
    sections = set(at(change.head.values, "hub.config") or {})
    for section in sorted(sections):
        before, after = change.settings(f"hub.config.{section}.admin_users")
        added = [str(user) for user in after or [] if user not in (before or [])]
        if added:
            yield f"{', '.join(added)} may do everything, in everybody's server"


def _dummy(change: Change) -> bool:
    def open_door(side: Rendered) -> bool:
        kind = at(side.values, "hub.config.JupyterHub.authenticator_class") or "dummy"
        public = at(side.values, "proxy.service.type") in (None, "LoadBalancer", "NodePort") or at(
            side.values, "ingress.enabled"
        )
        password = at(side.values, "hub.config.DummyAuthenticator.password")
        return str(kind).lower().startswith("dummy") and bool(public) and not password

    return open_door(change.head) and not open_door(change.base)


def _tls_off(change: Change) -> bool:
    def tls(side: Rendered) -> bool:
        return bool(at(side.values, "proxy.https.enabled") or at(side.values, "ingress.tls"))

    return tls(change.base) and not tls(change.head)


def _config(*names: str) -> Callable[[Change], Iterator[str]]:
    def applies(change: Change) -> Iterator[str]:
        for name in names:
            before, after = at(change.base.config, name), at(change.head.config, name)
            if before != after:
                yield f"{name}: {before} -> {after}"

    return applies


def _token(change: Change) -> Iterator[str]:
    before = at(change.base.config, "rotateTokens") or {}
    after = at(change.head.config, "rotateTokens") or {}
    yield from sorted(f"{name} token" for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if change.differs("proxy.secretToken", "hub.config.ConfigurableHTTPProxy.auth_token"):
        yield "proxy token"
    if change.differs("hub.cookieSecret", "hub.config.JupyterHub.cookie_secret"):
        yield "cookie secret: everybody is logged out"


RULES = (
    Rule(
        "namespace",
        "the hub moves to another namespace: a new, empty hub; users' volumes stay behind",
        _config("namespace"),
        True,
    ),
    Rule(
        "cluster",
        "the stack moves to another cluster: every object is replaced",
        _config("kubeContext", "clusterIdentifier"),
        True,
    ),
    Rule(
        "mode",
        "the mode of a deployed stack is switched: every object is deleted and created again",
        _config("mode"),
        True,
    ),
    Rule("storage", "a volume or its class is deleted or replaced: data may be lost", _data_objects, True),
    Rule(
        "database",
        "the hub starts with another database: users, tokens and running servers are forgotten",
        _database,
        True,
    ),
    Rule("home-names", "home volumes get other names: everybody would see an empty home", _moved(*HOME_NAMES), True),
    Rule(
        "profile-removed",
        "a profile disappears: who had chosen it gets an error at the next start",
        _profile_removed,
        True,
    ),
    Rule(
        "release-name",
        "the release gets another name: its pods are replaced, running servers lose their labels",
        _config("releaseName"),
        True,
    ),
    Rule("dummy-authenticator", "anybody on the network may log in under any name", _when(_dummy)),
    Rule("tls-off", "passwords and notebooks travel in the open", _when(_tls_off)),
    Rule("new-token", "hub and proxy restart with new secrets", _token),
    Rule(
        "hub-restart",
        "the hub restarts: no logins and no new servers for about 20 s; running notebooks keep going",
        _restart("hub"),
    ),
    Rule(
        "proxy-restart",
        "the proxy restarts: every open connection drops, notebooks reconnect after some seconds",
        _restart("proxy"),
    ),
    Rule(
        "autohttps-restart",
        "the HTTPS end point restarts: every open connection drops for some seconds",
        _restart("autohttps"),
    ),
    Rule("public-address", "where people reach the hub may change", _public_address),
    Rule(
        "authenticator", "people log in another way: the same person may come under another user name", _authenticator
    ),
    Rule("admin-users", "more administrators", _admins),
    Rule("network-policy", "pods may reach, or be reached by, more than before", _policy_widened),
    Rule(
        "user-image",
        "new servers start from another image, pulled to every node first; running ones keep theirs",
        _images,
    ),
    Rule(
        "user-resources",
        "new servers get other resources; running ones keep theirs",
        _moved(*(f"singleuser.{kind}.{side}" for kind in ("cpu", "memory") for side in ("limit", "guarantee"))),
    ),
    Rule(
        "culling",
        "idle servers are stopped by other rules",
        _moved("cull.enabled", "cull.timeout", "cull.every", "cull.maxAge"),
    ),
    Rule(
        "sealed-secrets",
        "secret settings change that are encrypted as a whole: which ones, and what restarts, cannot be told here",
        _when(lambda change: change.base.sealed != change.head.sealed),
    ),
    Rule("chart-version", "another chart version: read its changelog; hub and proxy restart", _config("chart.version")),
)
"""Every rule; what blocks stands first."""

"""Updates that would lose data are refused before anything is touched.

The engine refuses to delete what is protected, but only when it comes to that resource: by then others have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubstack import secret_settings, settings, unread
from hubstack.chart import hub, samples
from hubstack.chart.errors import SettingsError
from hubstack.chart.storage_class import storage_class
from hubstack.engine.state import CLAIM, HELM_RELEASE, NAMESPACE, PROVIDER, STORAGE_CLASS, State
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage
from hubstack.project import stacks
from hubstack.project.stacks import Stack

HOLDS_DATA = (CLAIM, NAMESPACE, STORAGE_CLASS, HELM_RELEASE)
"""Types of what holds data, or of what that comes from."""

Object = Mapping[str, Any]
Difference = tuple[str, Any, Any]
"""Setting, what it was, what it is to be."""

Decrypt = Callable[[], Mapping[str, str]]

_SHAPES = ("fullnameOverride", "nameOverride", "hub.db.type", "hub.db.pvc")
_CLAIM_FIELDS = ("accessModes", "selector", "storageClassName")
_CLASS_FIELDS = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
"""Fields that Kubernetes lets nobody change."""
_DERIVED_NAME = "fullnameOverride, nameOverride or hubstack:releaseName"
"""What may have changed the name of an object where the full name is derived."""


def refuse_data_loss(
    stack: Stack,
    state: State,
    released: Callable[[Stack, Object], list[Object]] | None = None,
    decrypt: Decrypt | None = None,
) -> None:
    """Refuse an update that would delete or replace what holds data.

    Arguments:
        stack: the stack as it is to be deployed.
        state: its state; secrets may be encrypted.
        released: gives the volume claims of the Helm release with some inputs; None: asks the cluster.
        decrypt: as for `resolved`.

    Raises:
        HubstackError: each setting whose change would lose data, and how to go on; or what decides it is encrypted, and
            cannot be read.
    """
    wanted = resolved(stack, decrypt) if state.has(*HOLDS_DATA) else None
    if wanted is None:
        return
    found = [
        *_place(wanted, state),
        *_database(wanted, _claims(stack, wanted, state, released or _released)),
        *_classes(wanted, state),
    ]
    lines = dict.fromkeys(f"{setting}: {before!r} -> {after!r}" for setting, before, after in found)
    if lines:
        raise HubstackError(
            "\n".join(lines) + "\nthis cannot change in place: the update would delete or replace what holds data (the "
            "hub's database, the namespace with the home volumes, or the class that they come from). Set it back, or "
            'see docs/adoption.md, "Changes that would lose data". Nothing was changed.'
        )


def resolved(stack: Stack, decrypt: Decrypt | None = None) -> settings.StackSettings | None:
    """The settings of a stack; None where they are wrong: the program says how.

    Arguments:
        stack: the stack.
        decrypt: gives the text of each setting, decrypted; asked only where an encrypted setting decides which volumes
            there are, or how objects are called. None: such a setting stays unread.

    Raises:
        HubstackError: the settings cannot be decrypted.
    """
    entries = stacks.entries(stack.settings)
    if decrypt is not None and unread_names(stack):
        entries = dict(decrypt())
    try:
        return settings.resolve(settings.parse(entries, set()), stack.root)
    except SettingsError:
        return None


def has_plain_secrets(stack: Stack) -> bool:
    """Whether settings of the stack that are secret by nature stand in plain text in a file."""
    found = resolved(stack)
    encrypted = set(unread.places(stacks.entries(stack.settings).get("secretValues")))
    return found is not None and any(each not in encrypted for each in secret_settings.places(found.loaded.user))


def unread_names(stack: Stack) -> list[str]:
    """Encrypted settings that decide which volumes there are, or how objects are called."""
    secret = stacks.entries(stack.settings).get("secretValues")
    found = [samples.dotted(place) for place in unread.places(secret)]
    return [name or "secretValues" for name in found if not name or name.startswith(_SHAPES)]


def _place(resolved: settings.StackSettings, state: State) -> Iterator[Difference]:
    """Cluster, namespace and release."""
    config = resolved.config
    for each in state.resources:
        inputs = each.inputs
        if each.type == PROVIDER:
            cluster = config.cluster_identifier or config.kube_context
            setting = "hubstack:clusterIdentifier (if it is not set: hubstack:kubeContext)"
            yield from _differs(setting, inputs.get("clusterIdentifier"), cluster)
        elif each.type == NAMESPACE:
            yield from _differs("hubstack:namespace", inputs["metadata"]["name"], config.namespace)
            if each.protect:
                yield from _differs("hubstack:createNamespace", True, config.create_namespace)
        elif each.type == HELM_RELEASE:
            yield from _differs("hubstack:namespace", inputs["namespace"], config.namespace)
            yield from _differs("hubstack:releaseName", inputs["name"], resolved.release_name)


def _claims(
    stack: Stack,
    resolved: settings.StackSettings,
    state: State,
    released: Callable[[Stack, Object], list[Object]],
) -> Iterator[tuple[Object, bool]]:
    """Every claim of the stack as it was asked for, and whether it is protected."""
    for each in state.of_type(CLAIM):
        yield each.inputs, each.protect
    if state.release:
        for claim in released(stack, state.release.inputs):
            yield claim, resolved.config.protect_data


def _released(stack: Stack, inputs: Object) -> list[Object]:
    """The claims of a live Helm release; none where the cluster gives no answer: the program then says so."""
    import kubernetes
    import urllib3

    try:
        return helm_storage.claims(access.of(stack), inputs["namespace"], inputs["name"])
    except (HubstackError, kubernetes.client.ApiException, urllib3.exceptions.HTTPError):
        return []


def _database(resolved: settings.StackSettings, claims: Iterator[tuple[Object, bool]]) -> Iterator[Difference]:
    values = resolved.loaded.values
    wanted = hub.pvc(resolved.release) if resolved.release else None  # None: also where the chart is not modelled
    naming = "fullnameOverride" if isinstance(values.fullname_override, str) else _DERIVED_NAME
    for claim, protected in claims:
        if values.hub.db.type != "sqlite-pvc":
            # Without protection it may go; retained and no longer protected, it stays in the cluster.
            if protected:
                yield "hub.db.type", "sqlite-pvc", values.hub.db.type
            continue
        yield from _differs(naming, claim["metadata"]["name"], resolved.names.hub_pvc)
        if wanted is not None:
            for field in _CLAIM_FIELDS:
                yield from _differs(f"hub.db.pvc.{field}", claim["spec"].get(field), wanted["spec"].get(field))


def _classes(resolved: settings.StackSettings, state: State) -> Iterator[Difference]:
    wanted = storage_class(resolved.config.storage_class) if resolved.config.storage_class else None
    for each in state.of_type(STORAGE_CLASS):
        before = each.inputs
        if wanted is not None:
            yield from _differs("hubstack:storageClass.name", before["metadata"]["name"], wanted["metadata"]["name"])
            for field in _CLASS_FIELDS:
                yield from _differs(f"hubstack:storageClass.{field}", before.get(field), wanted.get(field))
        elif each.protect:
            yield "hubstack:storageClass", before["metadata"]["name"], None


def _differs(setting: str, before: Any, after: Any) -> Iterator[Difference]:
    """One difference, or none; a blank storage class is a name, too, but an empty map is none."""
    if before != after and not (before in ({}, None) and after in ({}, None)):
        yield setting, before, after

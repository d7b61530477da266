"""Former managers of an object's fields: which ones hand over to the stack, and what becomes of their fields."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.migration.ownership import DRAWN, HELM, handed_over

OWN, OTHER = "pulumi-kubernetes-11111111", "pulumi-kubernetes-22222222"
MADE = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {"f:containers": {'k:{"name":"hub"}': {".": {}, "f:name": {}, "f:image": {}, "f:env": {}}}},
}
PATCHED = {"f:spec": {"f:containers": {'k:{"name":"hub"}': {".": {}, "f:name": {}, "f:resources": {"f:limits": {}}}}}}


def entry(manager: str, fields: dict[str, Any], operation: str = "Apply", **more: Any) -> dict[str, Any]:
    """One item of ``metadata.managedFields``."""
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


CONTROLLER = entry("kube-controller-manager", {"f:status": {}}, "Update", subresource="status")


@pytest.mark.parametrize("first", [OWN, OTHER])
def test_what_a_killed_update_made_becomes_the_stacks(first: str) -> None:
    """Two managers drawn by the provider become the stack's own, with the fields of both, in whatever order."""
    more = {"f:metadata": {"f:labels": {"f:app": {}, "f:gone": {}}}, "f:spec": MADE["f:spec"]}
    both = {OWN: entry(OWN, MADE), OTHER: entry(OTHER, more)}
    entries = [both.pop(first), CONTROLLER, *both.values()]
    found = handed_over(entries, OWN, (DRAWN,))
    assert sorted(found, key=lambda each: each["manager"]) == [CONTROLLER, entry(OWN, more)]


def test_an_object_that_the_stack_never_wrote() -> None:
    """An object whose maker was killed before it could say so: its manager becomes the one that the state has."""
    assert handed_over([entry(OTHER, MADE)], OWN, (DRAWN,)) == [entry(OWN, MADE)]


def test_another_stacks_patch_stays() -> None:
    """A manager that has only named the item of a list in which it changes something owns nothing of ours."""
    entries = [entry(OWN, MADE), entry(OTHER, PATCHED)]
    assert handed_over(entries, OWN, (DRAWN,)) == entries


def test_helm_goes_only_where_the_stack_has_taken_over() -> None:
    """Helm's entry is dropped after a take-over and stays otherwise: two tools on one hub are to be noticed."""
    entries = [entry(OWN, MADE), entry("helm", MADE, "Update"), CONTROLLER]
    assert handed_over(entries, OWN, (DRAWN,)) == entries
    assert handed_over(entries, OWN, (HELM, DRAWN)) == [entries[0], CONTROLLER]

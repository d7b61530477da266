"""The pack of policies for the engine, on a program of one's own: its objects are judged, its secrets stay closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2

from hubstack.policy_pack import PolicyPack
from tests.unit.policy.cases import rule

URN = "urn:pulumi:dev::mine::pulumi:pulumi:Stack::mine-dev"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2hunter2"}


def resource(kind: str, properties: dict[str, Any], urn: str = "urn") -> Any:
    """A resource as the engine hands it over."""
    return analyzer_pb2.AnalyzerResource(
        type=kind, urn=urn, properties=json_format.ParseDict(properties, struct_pb2.Struct())
    )


def test_a_program_of_ones_own(tmp_path: Path) -> None:
    """Rules about objects are asked; those about settings are left out, and that is said; no secret is seen."""
    own = [
        rule("object.spec.replicas == 1 && type(object.spec.replicas) == int", each="object", kinds=["Deployment"]),
        rule("!has(object.data) || object.data.size() == 0", name="closed", each="object", kinds=["Secret"]),
        rule("container.image == 'b'", name="image", each="container", level="warn"),
        rule("settings.cull.enabled", name="cull"),
    ]
    (tmp_path / "policies.yaml").write_text(yaml.safe_dump({"policies": own}))
    pack = PolicyPack(tmp_path)
    info = pack.GetAnalyzerInfo(None, None)
    assert [each.name for each in info.policies] == ["a", "closed", "image", "cull", "policies-unreadable"]
    pack.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", config={"mine:x": "y"}), None)
    spec = {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": "a"}]}}}
    meta = {"name": "hub"}
    resources = [
        resource("pulumi:pulumi:Stack", {}, URN),
        resource("kubernetes:apps/v1:Deployment", {"kind": "Deployment", "metadata": meta, "spec": spec}),
        resource("kubernetes:core/v1:Secret", {"kind": "Secret", "metadata": meta, "data": {"a": SECRET}}),
    ]
    first = pack.Analyze(analyzer_pb2.AnalyzeRequest(type="pulumi:pulumi:Stack", urn=URN), None)
    assert list(first.diagnostics) == []
    found = pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources), None)
    assert [(each.policyName, each.enforcementLevel, each.message, each.urn) for each in found.diagnostics] == [
        ("a", analyzer_pb2.MANDATORY, "Deployment/hub: Because. Mend it.", URN),
        ("image", analyzer_pb2.ADVISORY, "Deployment hub, container c: Because. Mend it.", URN),
    ]
    assert "hunter2" not in str(found)

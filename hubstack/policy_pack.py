"""The rules of ``policies.yaml`` as a policy pack, for a plain ``pulumi preview --policy-pack`` or ``pulumi up``.

The engine starts the pack through its language host for Python, and asks it by the protocol of analyzers
(``pulumi/analyzer.proto``). The package pulumi-policy is not needed, and does not fit beside the pinned protobuf.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from hubstack import project, settings
from hubstack.chart.errors import SettingsError
from hubstack.configuration import named
from hubstack.errors import HubstackError
from hubstack.fleet.load import labels_of
from hubstack.policy import FILE, load, subject
from hubstack.policy.expressions import Evaluator
from hubstack.policy.gate import today
from hubstack.policy.judge import Place, Verdict, Violation, judge
from hubstack.policy.model import Policies
from hubstack.policy.subject import Subject

NAME = "hubstack"
STACK = "pulumi:pulumi:Stack"
"""Type of the resource that the engine makes first; refused, it keeps all others from being made."""
_UNREADABLE = "policies-unreadable"
_SECRET = "4dabf18193072939515e22adb298388d"
"""Key by which the engine marks a value that stands for something else (Pulumi: ``sig``)."""
_SETTINGS = re.compile(r"\b(settings|config)\b")
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class PolicyPack(analyzer_pb2_grpc.AnalyzerServicer):
    """What the engine asks."""

    def __init__(self, root: Path) -> None:
        """Arguments:
        root: the project's folder.
        """
        self._root = root
        self._evaluator = Evaluator()
        self._lock = threading.Lock()
        self._stack = ""
        self._config: Mapping[str, str] = {}
        self._secret: frozenset[str] = frozenset()

    def Handshake(self, request: Any, context: Any) -> Any:
        """The engine's greeting."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """Which version this is."""
        return plugin_pb2.PluginInfo(version=version(NAME))

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:
        """The rules by name; a file that cannot be used is one rule that nothing keeps."""
        try:
            with self._lock:
                policies = self._policies()
        except (SettingsError, HubstackError):
            policies = Policies()
        known = [
            analyzer_pb2.PolicyInfo(name=each.name, description=each.reason, enforcementLevel=_level(each.level))
            for each in policies.active
        ]
        known.append(
            analyzer_pb2.PolicyInfo(
                name=_UNREADABLE, description=f"{FILE} can be judged", enforcementLevel=analyzer_pb2.MANDATORY
            )
        )
        return analyzer_pb2.AnalyzerInfo(name=NAME, displayName="Hubstack", version=version(NAME), policies=known)

    def Configure(self, request: Any, context: Any) -> Any:
        """Settings of the pack; it has none."""
        return empty_pb2.Empty()

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        """Which stack it is, and its configuration, decrypted."""
        self._stack, self._config = request.stack, dict(request.config)
        self._secret = frozenset(named(dict.fromkeys(request.config_secret_keys)))
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Analyze(self, request: Any, context: Any) -> Any:
        """Judge by the settings, before the first resource is made; other resources are not looked at one by one."""
        if request.type != STACK or not self._has_settings:
            return analyzer_pb2.AnalyzeResponse()
        return self._answer(request.urn, lambda: self._judged(self._subject()))

    def AnalyzeStack(self, request: Any, context: Any) -> Any:
        """Judge the objects of a program of one's own, whose settings are not known."""
        if self._has_settings:
            return analyzer_pb2.AnalyzeResponse()
        manifests = list(_manifests(request.resources))
        urn = next((each.urn for each in request.resources if each.type == STACK), "")
        return self._answer(urn, lambda: self._judged(subject.of_objects(manifests)))

    def Remediate(self, request: Any, context: Any) -> Any:
        """Mend a resource; a rule of ours only judges."""
        return analyzer_pb2.RemediateResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        """The engine was interrupted."""
        return empty_pb2.Empty()

    @property
    def _has_settings(self) -> bool:
        """Whether the program is Hubstack's own, whose configuration has the settings."""
        return bool(named(self._config))

    def _policies(self) -> Policies:
        found = load.load(self._root, self._evaluator)
        if found is None:
            raise HubstackError(f"{self._root / FILE}: there is none")
        return found

    def _subject(self) -> Subject:
        config = settings.parse(named(self._config), set(self._secret))
        stack = settings.resolve(config, self._root)
        return subject.of(stack, decrypted="secretValues" in self._secret)

    def _judged(self, about: Subject) -> Verdict:
        policies, notes = self._policies(), about.notes
        if not self._has_settings:
            policies, left_out = _about_objects(policies)
            if left_out:
                notes = (*notes, f"not judged, because they ask for settings: {', '.join(left_out)}")
        place = Place(self._stack, labels_of(self._root, self._stack))
        return judge(policies, replace(about, notes=notes), place, self._evaluator, today())

    def _answer(self, urn: str, ask: Callable[[], Verdict]) -> Any:
        try:
            with self._lock:
                verdict = ask()
        except (SettingsError, HubstackError) as error:
            diagnostic = _diagnostic(_UNREADABLE, str(error), analyzer_pb2.MANDATORY, urn)
            return analyzer_pb2.AnalyzeResponse(diagnostics=[diagnostic])
        found = [_diagnostic(each.policy, _said(each), _enforced(each), urn) for each in verdict.violations]
        for note in verdict.notes:
            print(note, file=sys.stderr, flush=True)
        return analyzer_pb2.AnalyzeResponse(diagnostics=found)


def _about_objects(policies: Policies) -> tuple[Policies, list[str]]:
    """The rules that ask for objects alone, and the names of the others."""
    kept = tuple(
        each
        for each in policies.active
        if each.each in ("object", "pod", "container") and not _SETTINGS.search(each.require)
    )
    return replace(policies, policies=kept), sorted(each.name for each in policies.active if each not in kept)


def _said(violation: Violation) -> str:
    exempt = f" Exempt until {violation.exemption.until}." if violation.exemption else ""
    return f"{violation.sentence}{exempt}"


def _enforced(violation: Violation) -> Any:
    return analyzer_pb2.MANDATORY if violation.blocks else analyzer_pb2.ADVISORY


def _level(level: str) -> Any:
    return analyzer_pb2.MANDATORY if level == "block" else analyzer_pb2.ADVISORY


def _diagnostic(policy: str, message: str, level: Any, urn: str) -> Any:
    return analyzer_pb2.AnalyzeDiagnostic(
        policyName=policy,
        policyPackName=NAME,
        policyPackVersion=version(NAME),
        message=message,
        enforcementLevel=level,
        urn=urn,
    )


def _manifests(resources: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The Kubernetes objects among the resources, without the values of their secrets."""
    for each in resources:
        if each.type.startswith("kubernetes:"):
            found = _opened(json_format.MessageToDict(each.properties))
            if isinstance(found.get("kind"), str) and isinstance((found.get("metadata") or {}).get("name"), str):
                yield found


def _opened(value: Any) -> Any:
    """A resource's property as data; what is secret or not known yet is left out, and numbers are whole again."""
    if isinstance(value, Mapping):
        return {key: _opened(member) for key, member in value.items() if not _is_closed(member)}
    if isinstance(value, list):
        return [_opened(member) for member in value if not _is_closed(member)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_closed(value: Any) -> bool:
    return value == _UNKNOWN or (isinstance(value, Mapping) and _SECRET in value)


def main() -> None:
    """Serve the pack until the engine ends it."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(PolicyPack(project.ROOT), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # the engine reads it
    server.wait_for_termination()

"""Answers to the engine: the provider protocol, as far as an engine asks a plugin of this kind.

The service is stateless. The engine has applied ``ignore_changes`` before it asks, and it gets no secrets from this
plugin's callers (`Configure` does not accept any), so that every property comes in the open.
"""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from hubstack.stand_in import STANDS_IN_FOR
from hubstack.stand_in.random_id import TYPE, RandomId
from hubstack.stand_in.values import Properties, read, write

VERSION = f"{STANDS_IN_FOR}+hubstack"
"""The ending keeps it from being taken for the real plugin."""
_CONFIGURATION = ("version", "pluginDownloadURL")
"""What the engine itself puts into the configuration of a provider; the plugin has no settings."""


class RandomProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider ``random`` with its type ``RandomId``."""

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        news = read(request.news)
        return _checked(news, {name: "is no setting of this provider" for name in news if name not in _CONFIGURATION})

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        olds, news = read(request.old_inputs), read(request.news)
        return _differing([name for name in sorted({*olds, *news}) if olds.get(name) != news.get(name)], [])

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(
            acceptResources=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        news = read(request.news)
        return _checked(news, _resource(request, context).check(news))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        resource = _resource(request, context)
        try:
            changes = resource.changes(read(request.olds), read(request.news))
        except ValueError as error:
            _refuse(request, context, error)
        return _differing(list(changes), [name for name, replaces in changes.items() if replaces])

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        resource, news = _resource(request, context), read(request.properties)
        try:
            if request.preview:
                return provider_pb2.CreateResponse(properties=write(resource.preview(news)))
            identity, state = resource.create(news)
        except ValueError as error:
            _refuse(request, context, error)
        return provider_pb2.CreateResponse(id=identity, properties=write(state))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """There is nothing outside of the state, so a read gives that back; without a state it is an import."""
        resource, olds = _resource(request, context), read(request.properties)
        try:
            identity, state = (request.id, resource.kept(olds, olds)) if olds else resource.imported(request.id)
        except ValueError as error:
            _refuse(request, context, error)
        asked = read(request.inputs) if olds else state
        inputs = {name: state[name] for name in resource.inputs if name in asked and name in state}
        return provider_pb2.ReadResponse(id=identity, properties=write(state), inputs=write(inputs))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Take new inputs over that leave the bytes as they are; those that do not need a new resource."""
        resource, olds, news = _resource(request, context), read(request.olds), read(request.news)
        try:
            if replacing := [name for name, replaces in resource.changes(olds, news).items() if replaces]:
                raise ValueError(f"a change of {' and '.join(replacing)} makes a new resource necessary")
            state = resource.kept(olds, resource.plan(news), preview=request.preview)
        except ValueError as error:
            _refuse(request, context, error)
        return provider_pb2.UpdateResponse(properties=write(state))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        _resource(request, context)
        return Empty()

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Nothing takes long enough to be cancelled."""
        return Empty()


def _resource(request: Any, context: grpc.ServicerContext) -> RandomId:
    """The type that a request is about; there is one."""
    token = request.urn.split("::")[2].rpartition("$")[2]
    if token != TYPE:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{token}: Hubstack's stand-in for the plugin random knows only {TYPE}; "
            "install pulumi-resource-random to have all of its types",
        )
    return RandomId()


def _refuse(request: Any, context: grpc.ServicerContext, error: ValueError) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{request.urn}: {error}")
    raise AssertionError  # abort has raised


def _checked(news: Properties, failures: dict[str, str]) -> provider_pb2.CheckResponse:
    reasons = [provider_pb2.CheckFailure(property=name, reason=f"{name} {why}") for name, why in failures.items()]
    return provider_pb2.CheckResponse(inputs=write(news), failures=reasons)


def _differing(changed: list[str], replacing: list[str]) -> provider_pb2.DiffResponse:
    kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(changes=kind, diffs=changed, replaces=replacing)

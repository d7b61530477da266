"""The components for programs in any language: a provider plugin whose schema is inferred from their types.

The engine starts it as ``pulumi-resource-hubstack``, which a wheel installs, or from the folder ``plugin/`` through
Pulumi's language host for Python. It does without the host that Pulumi's SDK has for such components (docs/adr/0022).
"""

import inspect
import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi.provider import ConstructResult, Provider
from pulumi.provider import main as serve
from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition, TypeDefinition
from pulumi.provider.experimental.schema import generate_schema

from hubstack import ImagePuller, JupyterHub, StorageClass, Tokens, UserPlaceholder

NAME = "hubstack"
COMPONENTS: list[type[pulumi.ComponentResource]] = [JupyterHub, ImagePuller, StorageClass, Tokens, UserPlaceholder]
"""What programs in other languages can use; each of them makes sense alone (docs/library.md)."""


class ComponentPackage(Provider):
    """The provider that makes the components for the engine."""

    def __init__(self) -> None:
        """Infer the schema from the components' types."""
        found = InheritingAnalyzer(NAME).analyze(COMPONENTS)
        self._definitions = found["component_definitions"]
        self._types = found["type_definitions"]
        schema = generate_schema(NAME, version(NAME), None, self._definitions, self._types, []).to_json()
        super().__init__(version(NAME), json.dumps(_with_markdown(schema)))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, pulumi.Input[Any]],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Make one component.

        Arguments:
            name: logical name.
            resource_type: its type, ``hubstack:index:JupyterHub``.
            inputs: what the program has given, by the schema's names.
            options: resource options.

        Raises:
            pulumi.InputPropertiesError: settings are wrong; lists everything, and nothing has been registered.
        """
        kind = resource_type.rpartition(":")[2]
        definition = self._definitions.get(kind)
        if definition is None:
            raise _wrong(f"{resource_type}: no such component; there are: {', '.join(sorted(self._definitions))}")
        component: Any = next(each for each in COMPONENTS if each.__name__ == kind)
        arguments = self._by_their_names(inputs, definition.inputs, definition.inputs_mapping)
        try:
            made = component(name, arguments, options)
        except pulumi.RunError as error:
            raise _wrong(str(error)) from None
        outputs = {name: getattr(made, attribute) for name, attribute in definition.outputs_mapping.items()}
        return ConstructResult(made.urn, outputs)

    def _by_their_names(
        self, inputs: Mapping[str, Any], properties: Mapping[str, PropertyDefinition], names: Mapping[str, str]
    ) -> dict[str, Any]:
        """The inputs by the names that they have in Python."""
        if unknown := sorted(set(inputs) - set(properties)):
            allowed = ", ".join(sorted(properties))
            raise _wrong("\n".join(f"{name}: no such setting; there are: {allowed}" for name in unknown))
        if missing := sorted(name for name, each in properties.items() if not each.optional and name not in inputs):
            raise _wrong("\n".join(f"{name}: missing; it must be set" for name in missing))
        arguments = {}
        for name, value in inputs.items():
            of = self._type(properties[name])
            if of is not None and isinstance(value, Mapping):
                arguments[names[name]] = self._by_their_names(value, of.properties, of.properties_mapping)
            else:
                arguments[names[name]] = _with_whole_numbers(value)
        return arguments

    def _type(self, definition: PropertyDefinition) -> TypeDefinition | None:
        """The definition of a type of the package's own; None where a property has another type."""
        return self._types.get((definition.ref or "").rpartition(":")[2])


class InheritingAnalyzer(Analyzer):
    """Infers the schema; a property that a class inherits has the description that its own class gives it.

    The engine's analyzer finds inherited properties, and looks for all descriptions in the last class.
    """

    def get_docstring(self, typ: type, name: str) -> str | None:
        """The text below an attribute.

        Arguments:
            typ: a class.
            name: the attribute, perhaps an inherited one.
        """
        home = next((each for each in typ.__mro__ if name in inspect.get_annotations(each)), typ)
        found: str | None = super().get_docstring(home, name)
        return found


def _wrong(text: str) -> pulumi.InputPropertiesError:
    """The one kind of error that the engine shows without a traceback."""
    return pulumi.InputPropertiesError(text, [])  # without a list, Pulumi's server fails


def _with_whole_numbers(value: Any) -> Any:
    """What a program has given, with its integers: the engine's protocol, like JSON, has only one kind of number."""
    if isinstance(value, pulumi.Output):
        return value.apply(_with_whole_numbers)
    if isinstance(value, Mapping):
        return {key: _with_whole_numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _with_markdown(schema: Any) -> Any:
    """A schema whose descriptions are written as every language's documentation writes them."""
    if isinstance(schema, Mapping):
        return {
            key: inspect.cleandoc(member).replace("``", "`")
            if key == "description" and isinstance(member, str)
            else _with_markdown(member)
            for key, member in schema.items()
        }
    return [_with_markdown(each) for each in schema] if isinstance(schema, list) else schema


def main() -> None:
    """Serve the engine until it has no more questions."""
    serve(ComponentPackage(), sys.argv[1:])

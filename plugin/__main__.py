"""The components as a provider plugin; Pulumi's language host for Python runs this folder."""

from hubstack.component_package import main

main()

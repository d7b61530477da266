"""Which Kubernetes provider the program asks for; apart, so that the command line need not load Pulumi to know it."""

PINNED = "4.32.0"
"""The version that a plain `pulumi up` asks for: ``pulumi-kubernetes`` in toolchain.yaml and requirements.txt."""

VARIABLE = "HUBSTACK_KUBERNETES_PROVIDER"
"""Environment variable with another version to ask for. The command line sets it to the one that the machine has."""

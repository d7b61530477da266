"""What Pulumi runs: one stack deploys one JupyterHub."""

from hubstack.components.program import deploy

deploy()

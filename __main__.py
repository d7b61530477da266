"""What Pulumi runs: one stack deploys one JupyterHub."""

from components.program import deploy

deploy()

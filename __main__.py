"""What Pulumi runs: one stack deploys one JupyterHub, as its settings ``hubstack:...`` say."""

from hubstack import JupyterHub
from hubstack.components.program import Program

program = Program.load()
jupyterhub = JupyterHub("jupyterhub", program.args, program.options())
program.export(jupyterhub)

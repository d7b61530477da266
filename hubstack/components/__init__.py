"""Pulumi components of one JupyterHub: each file one component, each component one part of the chart."""

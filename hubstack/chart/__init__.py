"""What the Zero to JupyterHub chart knows, as pure Python.

Nothing below this package imports Pulumi: values go in, plain Kubernetes manifests come out.
"""

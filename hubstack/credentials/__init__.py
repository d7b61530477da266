"""Credentials of a kubeconfig: fetched within a limit, and a sentence for each way in which there are none."""

from hubstack.credentials.errors import CredentialsError
from hubstack.credentials.expiry import refusal
from hubstack.credentials.login import Login, log_in

__all__ = ["CredentialsError", "Login", "log_in", "refusal"]

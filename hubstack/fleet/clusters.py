"""Clusters in ``fleet.yaml``: how a CI system or an operator gets at each; a person's machine needs none of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)


class Aws(_Model):
    """A role of Amazon's."""

    role: str = Field(pattern=r"^arn:[a-z-]+:iam::\d+:role/.+$", description="ARN of the role.")
    region: str = Field(pattern=r"^[a-z0-9-]+$", description="Region of its tokens.")


class Gcp(_Model):
    """A service account of Google's."""

    provider: str = Field(
        pattern=r"^projects/[^/]+/locations/[^/]+/workloadIdentityPools/[^/]+/providers/[^/]+$",
        description="Full name of the workload identity provider.",
    )
    service_account: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Address of the service account.")


class Azure(_Model):
    """An application of Microsoft's."""

    client: str = Field(pattern=r"^[0-9A-Fa-f-]{36}$", description="Id of the application.")
    tenant: str = Field(pattern=r"^[0-9A-Fa-f-]{36}$", description="Id of the tenant.")


class Login(_Model):
    """A cloud that is logged in to by OpenID Connect, without a stored secret; exactly one of them."""

    aws: Aws | None = Field(None, description="Amazon: an IAM role that trusts GitHub.")
    gcp: Gcp | None = Field(None, description="Google: a workload identity provider that trusts GitHub.")
    azure: Azure | None = Field(None, description="Microsoft: an application with a federated credential for GitHub.")

    @model_validator(mode="after")
    def _one(self) -> Login:
        if sum(each is not None for each in (self.aws, self.gcp, self.azure)) != 1:
            raise PydanticCustomError("login", "must name exactly one of aws, azure, gcp")
        return self

    def variables(self) -> dict[str, str]:
        """What the login needs to know, as environment variables of a job."""
        if self.aws:
            return {"LOGIN": "aws", "AWS_ROLE_ARN": self.aws.role, "AWS_REGION": self.aws.region}
        if self.gcp:
            return {"LOGIN": "gcp", "GCP_PROVIDER": self.gcp.provider, "GCP_ACCOUNT": self.gcp.service_account}
        assert self.azure
        return {"LOGIN": "azure", "AZURE_CLIENT_ID": self.azure.client, "AZURE_TENANT_ID": self.azure.tenant}


class Cluster(_Model):
    """One cluster, by the label ``cluster`` of its stacks."""

    kubeconfig_secret: str = Field(
        "KUBECONFIG",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Secret of the CI system that holds the kubeconfig.",
    )
    environment: str | None = Field(
        None, min_length=1, max_length=255, description="Environment of the CI system that has the secret."
    )
    login: Login | None = Field(None, description="The cloud that the kubeconfig's program needs a login for.")

    @property
    def object_name(self) -> str:
        """Name of the Secret of Kubernetes with the same kubeconfig, for an operator."""
        return self.kubeconfig_secret.lower().replace("_", "-").strip("-") or "kubeconfig"

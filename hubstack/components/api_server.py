"""The cluster's API server by the official client, for the few questions that no provider answers.

The client's package is imported where it is used: that costs half a second.
"""

from __future__ import annotations

import functools
import json
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubstack import credentials
from hubstack.credentials import CredentialsError, login
from hubstack.deadline import within

_IRREGULAR = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "Endpoints": "endpoints"}
CONNECT_SECONDS = 5
"""How long the API server may take to accept a connection."""
ANSWER_SECONDS = 60
"""How long it may take to go on with an answer; without a limit, a silent server would be waited for forever."""


@dataclass(frozen=True)
class Answer:
    """What the API server answers to a request."""

    status: int
    reason: str
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body as JSON.

        Raises:
            ValueError: it is something else.
        """
        found: dict[str, Any] = json.loads(self.body)
        return found


def client(kubeconfig: str, context: str, *, changes_nothing: bool = False, seconds: float | None = None) -> Any:
    """An ApiClient of the official package, which knows every way to log in; each request has a time limit.

    Arguments:
        kubeconfig: path of the kubeconfig.
        context: the kubeconfig's context, never the current one by accident.
        changes_nothing: whether a refreshed credential is kept in memory instead of the kubeconfig, and a request that
            fails is not sent again: for whoever only looks.
        seconds: how long fetching the credentials may take; `login.SECONDS` if left out.

    Raises:
        CredentialsError: the kubeconfig gives no credentials.
        kubernetes.config.ConfigException: the kubeconfig cannot be used.
    """
    import kubernetes
    from kubernetes.config import kube_config

    found = credentials.log_in(Path(kubeconfig), context, seconds)
    configuration = kubernetes.client.Configuration()
    if changes_nothing:
        configuration.retries = 0
    # The package would use the file of an earlier client with the same certificate, which may be gone.
    kube_config._temp_files = _Nothing()
    # It passes certificates and keys on as files. They are read once, here, and none stays.
    with tempfile.TemporaryDirectory(prefix="hubstack-") as folder:
        if found is None or found.provider:
            _load(found, kubeconfig, context, configuration, folder, persist=not changes_nothing, seconds=seconds)
        else:
            kubernetes.config.load_kube_config_from_dict(
                found.document, context, configuration, persist_config=False, temp_file_path=folder
            )
        _require_credentials(found, configuration)
        try:
            tls = _tls(configuration, context)
        except OSError as error:
            raise kubernetes.config.ConfigException(
                f"the certificate authority of context {context!r} cannot be used: {error}"
            ) from None
    configuration.ssl_ca_cert = configuration.cert_file = configuration.key_file = None
    if found and found.ends:
        configuration.refresh_api_key_hook = functools.partial(_renew, Path(kubeconfig), context)
    made = kubernetes.client.ApiClient(configuration)
    made.rest_client.pool_manager.connection_pool_kw["ssl_context"] = tls
    rest = made.rest_client
    rest.pool_manager.request = functools.partial(rest.pool_manager.request, redirect=False)
    rest.request = functools.partial(_within_limits, rest.request)
    return made


def _load(
    found: credentials.Login | None,
    kubeconfig: str,
    context: str,
    configuration: Any,
    folder: str,
    *,
    persist: bool,
    seconds: float | None,
) -> None:
    """Let the package read a kubeconfig, and ask an identity provider where that is the way to log in."""
    import kubernetes

    def load() -> None:
        kubernetes.config.load_kube_config(
            kubeconfig, context, configuration, persist_config=persist, temp_file_path=folder
        )

    if found is None:
        return load()
    try:
        within(seconds or login.SECONDS, load)
    except TimeoutError as error:
        raise CredentialsError(f"{found.where}: its identity provider gives no token: {error}; try again") from None
    except Exception as error:  # of the libraries that speak to it; their text may quote what was sent
        kind = type(error).__name__
        raise CredentialsError(f"{found.where}: its identity provider gives no token ({kind}); log in again") from None


def _require_credentials(found: credentials.Login | None, configuration: Any) -> None:
    """Refuse a user whose way to log in came to nothing: the package goes on as nobody in particular then."""
    ways = [way for way in ("token", "tokenFile", "auth-provider") if found and found.user.get(way) is not None]
    if found and ways and not (configuration.api_key.get("BearerToken") or "").removeprefix("Bearer").strip():
        raise CredentialsError(f"{found.where}: its {ways[0]} gives no token; log in again, or mend the kubeconfig")


def _renew(kubeconfig: Path, context: str, configuration: Any) -> None:
    """Before each request: take the token that is good now, which a program may have to give anew."""
    found = credentials.log_in(kubeconfig, context)
    if found and (token := found.user.get("token")):
        configuration.api_key["BearerToken"] = f"Bearer {token}"


def require_login(client: Any, kubeconfig: str, context: str, seconds: float = CONNECT_SECONDS) -> None:
    """Make sure that the API server knows who asks. It answers some questions to everybody, but not this one.

    Arguments:
        client: an ApiClient of the official package.
        kubeconfig, context: what the client was made of.
        seconds: how long the answer may take.

    Raises:
        CredentialsError: it does not; says why, and what to do.
        urllib3.exceptions.HTTPError: the API server does not answer in time.
    """
    answer = request(client, "GET", "/api", seconds=seconds)
    if refused := credentials.refusal(Path(kubeconfig), context, answer.status, message(answer)):
        raise refused


def message(answer: Answer) -> str:
    """What the API server says in an answer that is a refusal."""
    try:
        return str(answer.document()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason


def _within_limits(send: Callable[..., Any], *arguments: Any, _request_timeout: Any = None, **options: Any) -> Any:
    """Send a request by the package and read all of the answer, which may take so long and lead nowhere else.

    The package follows redirects, with what the request carries and a client certificate; its time limits are for one
    read each, so that a server which sends a byte now and then would be waited for forever.
    """
    import urllib3

    limits = _request_timeout or (CONNECT_SECONDS, ANSWER_SECONDS)
    seconds = sum(limits) if isinstance(limits, tuple) else limits

    def whole() -> Any:
        answer = send(*arguments, _request_timeout=limits, **options)
        answer.read()
        return answer

    try:
        answer = within(seconds, whole)
    except TimeoutError:
        raise urllib3.exceptions.TimeoutError(f"no complete answer within {seconds:g} s") from None
    if 300 <= answer.status < 400:
        raise urllib3.exceptions.HTTPError(
            f"the API server sends the request on to {_origin(answer.headers.get('Location'))}, where it would take "
            "the credentials along; nothing was sent there. Name that server in the kubeconfig, if you trust it"
        )
    return answer


def _origin(location: str | None) -> str:
    parts = urlsplit(location or "")
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "somewhere else"


class _Nothing(dict[str, str]):
    """Remembers no file."""

    def __setitem__(self, content: str, file: str) -> None:
        """Forget it at once."""


def _tls(configuration: Any, context_name: str) -> ssl.SSLContext:
    """What the package would make of the files that a configuration names.

    Raises:
        CredentialsError: the client certificate or its key cannot be used.
        OSError: the certificate authority cannot be.
    """
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE)
    if configuration.ssl_ca_cert:
        context.load_verify_locations(configuration.ssl_ca_cert)
    elif configuration.verify_ssl and configuration.host.startswith("https"):
        context.load_default_certs()
    if configuration.cert_file:
        try:
            # Nobody is there to be asked for a passphrase, which Kubernetes' other clients do not ask for either.
            context.load_cert_chain(configuration.cert_file, configuration.key_file, password=lambda: b"")
        except OSError as error:
            raise CredentialsError(
                f"the client certificate or the key of context {context_name!r} cannot be used: "
                f"{error.strerror or error}; get new ones, without a passphrase"
            ) from None
    return context


def request(
    client: Any,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | list[Any] | str | None = None,
    seconds: float | None = None,
) -> Answer:
    """Send a request and read the answer, whatever its status is.

    Arguments:
        client: an ApiClient of the official package.
        method: ``GET``, ``PATCH`` or another.
        path: of an object or a list.
        query: parameters such as ``labelSelector``.
        headers: beside ``Accept``, which is JSON if it is not among them.
        body: sent as JSON; a text as it is.
        seconds: how long the whole answer may take, where that is shorter than usual.

    Raises:
        urllib3.exceptions.HTTPError: the API server does not answer in time, or leads to another server.
    """
    described = client.param_serialize(
        method,
        path,
        query_params=list((query or {}).items()),
        header_params={"Accept": "application/json", **(headers or {})},
        body=body,
        auth_settings=["BearerToken"],
    )
    answer = client.call_api(*described, _request_timeout=seconds)
    return Answer(answer.status, str(answer.reason), answer.read() or b"")


def plural(kind: str) -> str:
    """Resource name of a kind."""
    lower = kind.lower()
    return _IRREGULAR.get(kind) or (f"{lower}es" if lower.endswith("ss") else f"{lower}s")


def path(version: str, kind: str, namespace: str, name: str) -> str:
    """Where the API server has an object.

    Arguments:
        version: ``apiVersion``, such as ``apps/v1``.
        kind: the object's kind.
        namespace: empty for an object of the whole cluster.
        name: the object's name.
    """
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}{scope}/{plural(kind)}/{name}"


def get(client: Any, path: str, query: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of what the API server answers to a question.

    Arguments:
        client: an ApiClient of the official package.
        path: of an object or a list.
        query: parameters such as ``labelSelector``.
    """
    answer = request(client, "GET", path, query=query)
    return answer.status, answer.body

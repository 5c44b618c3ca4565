# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's API server, asked with a kubeconfig: plain JSON in and out, short timeouts, errors that are sentences."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

try:
    import urllib3
    import websocket  # noqa: F401 - execs need it, and a missing one is told with the others
    import yaml
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    KUBERNETES_IMPORT_ERROR = None
except ImportError:
    KUBERNETES_IMPORT_ERROR = traceback.format_exc()

# Seconds. A dead API server must not eat a caller's whole time in one request.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
# An API server that restarts, or a load balancer that turns to another one, is away for so long.
API_PATIENCE = 15
# the last one of its requests may begin just before that and hang
LONGEST_LOOK = API_PATIENCE + CONNECT_TIMEOUT + READ_TIMEOUT
_POLL = 0.25


class ClusterError(Exception):
    """A sentence for the user: what was asked of the cluster cannot be done. ``passing``: it may be in a moment."""

    passing = False


class ApiUnreachable(ClusterError):
    """The API server did not answer."""

    passing = True


class ApiRefused(ClusterError):
    """The API server answered with an error: its HTTP ``status``, and what it ``said``, without our words around."""

    def __init__(self, message: str, status: int, said: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.said = said or message
        # it has too much to do, or what stands behind it is away
        self.passing = status == 429 or status >= 500


def patiently(
    ask: Callable[[], Any],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """What a look at the cluster shows: taken again where it fails, for ``API_PATIENCE`` seconds, unless that cannot
    pass. Raises the last ClusterError, at the latest after ``LONGEST_LOOK``."""
    end = clock() + API_PATIENCE
    while True:
        try:
            return ask()
        except ClusterError as error:
            if not error.passing or clock() >= end:
                raise
        sleep(_POLL)


class Api:
    """An API server through the official client, without retries.

    ``variables``: where a user sets the kubeconfig, for messages. ``rights``: what its user needs, for a refusal.
    """

    def __init__(self, kubeconfig: str, variables: str, context: str | None = None, rights: str = "") -> None:
        self._named = f"kubeconfig {kubeconfig} ({variables})"
        self._rights = rights
        self.configuration = _load(kubeconfig, self._named, context)
        self.server = self.configuration.host
        self.client = client.ApiClient(self.configuration)

    def call(self, what: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The answer of a client's method as the API's JSON. ``what``: what it does, as in "may not WHAT"."""
        # The raw JSON: typed models would be built only to be taken apart again.
        kwargs.update(_preload_content=False, _request_timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
        try:
            return _objects(json.loads(method(*args, **kwargs).data))
        except (client.ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            self._fail(what, error)
        except ValueError as error:
            raise ApiUnreachable(
                f"What answers at {self.server} is no Kubernetes API (asked to {what}). The address stands in "
                f"{self._named}."
            ) from error

    def _fail(self, what: str, error: Exception) -> NoReturn:
        if isinstance(error, client.ApiException) and error.status:
            raise ApiRefused(self._refusal(what, error), error.status, message(error)) from error
        detail = getattr(error, "reason", None) or error
        raise ApiUnreachable(
            f"The Kubernetes API at {self.server} does not answer (asked to {what}: {str(detail).strip()}). The "
            f"address stands in {self._named}: check that the API server runs and can be reached from here, and that "
            "this is the right file."
        ) from error

    def _refusal(self, what: str, error: Any) -> str:
        said = message(error)
        if error.status == 401:
            return f"The Kubernetes API at {self.server} does not accept {self._named}, asked to {what}: {said}"
        if error.status == 403:
            return f"The user of {self._named} may not {what}: {said} {self._rights}".strip()
        return f"The Kubernetes API at {self.server} refused to {what} ({error.status}): {said}"


def _objects(answer: Any) -> dict[str, Any]:
    """An answer that is an object of the API's, or a list of them; raises ValueError for all else."""
    items = (answer.get("items") or []) if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("no object of JSON")
    return answer


def message(error: Any) -> str:
    """What the API (or the connection) said, in one sentence."""
    try:
        said = json.loads(getattr(error, "body", None) or "{}").get("message")
    except (ValueError, AttributeError):
        said = None
    # a webhook's may be of several lines
    said = " ".join(str(said or getattr(error, "reason", None) or error).split())
    return said if said.endswith(".") else said + "."


def _load(kubeconfig: str, named: str, context: str | None) -> Any:
    """A client configuration from a kubeconfig file; raises ClusterError naming the variable and the file."""
    if not os.path.exists(kubeconfig):
        raise ClusterError(f"There is no {named}: bring the cluster up first or name the right file.")
    if not os.path.isfile(kubeconfig) or not os.access(kubeconfig, os.R_OK):
        raise ClusterError(f"The {named} cannot be read: it must be a file that this user may read.")
    configuration = client.Configuration()
    try:
        config.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration, persist_config=False
        )
    except ConfigException as error:
        raise ClusterError(f"The {named} is not valid: {' '.join(str(error).split())}") from error
    except (yaml.YAMLError, OSError, TypeError, AttributeError, LookupError, ValueError) as error:
        # The loader indexes what it read without looking, so a file of another kind ends in any of these. They may
        # quote the file, which holds a key.
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise ClusterError(
            f"The {named} is not valid: its content is no kubeconfig ({type(error).__name__}{line})."
        ) from error
    configuration.retries = False
    return configuration

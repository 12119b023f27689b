"""How commands talk to a server: REST with a token."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from frazil.cli.access_file import AccessFile, read_access_file
from frazil.model.errors import FrazilError, InputError

if TYPE_CHECKING:
    import httpx

URL, TOKEN = "FRAZIL_URL", "FRAZIL_TOKEN"
_TIMEOUT_S = 120.0


class RefusedError(FrazilError):
    """The server refused; ``status`` is HTTP's, ``details`` what a person needs to decide."""

    def __init__(self, message: str, status: int, details: Any = None) -> None:
        super().__init__(message)
        self.status, self.details = status, details
        self.exit_status = 1 if status in (409, 503) else 2


class NoServerError(FrazilError):
    """Nobody answers."""

    exit_status = 3


class Client:
    """A server, as commands see it.

    Parameters
    ----------
    url, token
        By default FRAZIL_URL and FRAZIL_TOKEN, else what this user's server wrote into its data folder.
    transport
        For tests: how requests go.

    Raises `InputError` where nothing says which server to ask.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        import httpx

        own = _find(url, token)
        self.url = own.url
        self._http = httpx.Client(
            base_url=f"{self.url.rstrip('/')}/api/",
            headers={"Authorization": f"Bearer {own.token}"},
            timeout=_TIMEOUT_S,
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Ask for something."""
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        """Have something done."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        """Replace something."""
        return self._ask("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """Change something."""
        return self._ask("PATCH", path, body)

    def delete(self, path: str, body: Any = None) -> Any:
        """Remove something."""
        return self._ask("DELETE", path, body)

    def _ask(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        import httpx

        given = {name: value for name, value in (query or {}).items() if value is not None}
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, path, params=given, content=content, headers=headers)
        except httpx.TimeoutException as error:
            raise NoServerError(f"{self.url}: did not answer within {_TIMEOUT_S:.0f} s") from error
        except httpx.TransportError as error:
            raise NoServerError(
                f"{self.url}: no Frazil server answers there; start it with: frazil serve"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refusal(answer)


def _find(url: str | None, token: str | None) -> AccessFile:
    """Which server to ask, and how to prove who one is."""
    url, token = url or os.environ.get(URL), token or os.environ.get(TOKEN)
    if url and token:
        return AccessFile(url=url, token=token)
    folder = os.environ.get("FRAZIL_DATA_FOLDER") or default_data_folder()
    own = read_access_file(Path(folder).expanduser())
    if url:
        if own is not None and own.url.rstrip("/") == url.rstrip("/"):
            return own
        raise InputError(f"{TOKEN} is not set: make a token on the page, or with frazil tokens add")
    if own is None:
        raise InputError(
            "no Frazil server runs here; start one with frazil serve, or say where one is: "
            f"{URL}=http://host:8181 {TOKEN}=frz_…"
        )
    return AccessFile(url=own.url, token=token or own.token)


def default_data_folder() -> str:
    """Where a server of this user keeps its data unless told otherwise."""
    return os.path.join(os.environ.get("XDG_DATA_HOME") or "~/.local/share", "frazil")  # noqa: PTH118


def _refusal(answer: httpx.Response) -> RefusedError:
    try:
        problem = answer.json()
        text, details = str(problem["detail"]), problem.get("details")
        hint = problem.get("hint")
    except (ValueError, KeyError, TypeError):
        return RefusedError(f"the server answered {answer.status_code}", answer.status_code)
    return RefusedError(f"{text}; {hint}" if hint else text, answer.status_code, details)

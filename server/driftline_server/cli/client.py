"""The REST API as the CLI uses it, and the one way its errors end."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import quote

import httpx
import typer

from driftline_server.cli.profiles import Profile, ProfileError, choose

#: s.
TIMEOUT = 60.0
#: Rows of one answer.
PAGE = 10_000


@dataclass
class State:
    """What the global options say; lives in Typer's context."""

    profiles: Path
    profile: str | None


def fail(message: str, code: int = 1) -> NoReturn:
    """End with a message on stderr and an exit code: 1, or 2 where the command itself was wrong."""
    sys.stderr.write(f"driftline: {message}\n")
    raise typer.Exit(code)


class Client:
    """A server, by a profile."""

    def __init__(self, profile: Profile) -> None:
        """Prepare; nothing is opened yet."""
        headers = {"Accept": "application/json"}
        if profile.token:
            headers["Authorization"] = f"Bearer {profile.token}"
        try:
            verify: Any = _trusting(profile.ca_file)
            base = profile.url.rstrip("/") + "/api/v1"
            self._http = httpx.Client(base_url=base, headers=headers, verify=verify, timeout=TIMEOUT)
        except (OSError, httpx.InvalidURL) as error:
            fail(f"{profile.ca_file or profile.url}: {error}")
        self._url = profile.url

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return what the API has at a path; arguments that are None are not sent."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def listing(self, path: str, limit: int | None, **query: Any) -> Any:
        """Return a list of the API whole, or its first rows, in as many answers as that takes.

        :param limit: rows at most; all of them where it is None.
        """
        found = self.get(path, limit=min(limit or PAGE, PAGE), **query)
        while len(found["items"]) < min(found["total"], limit or found["total"]):
            most = PAGE if limit is None else min(PAGE, limit - len(found["items"]))
            more = self.get(path, limit=most, offset=len(found["items"]), **query)["items"]
            if not more:
                break
            found["items"] += more
        return found

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a decision."""
        return self._ask("POST", path, json=body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Send a whole thing."""
        return self._ask("PUT", path, json=body)

    def send(
        self, path: str, content: bytes, *, method: str = "PUT", media_type: str = "application/octet-stream"
    ) -> Any:
        """Send a file, which may take the server a while; return what the API says."""
        return self._ask(method, path, content=content, headers={"Content-Type": media_type}, timeout=10 * TIMEOUT)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Send what changes of a thing."""
        return self._ask("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        """Delete a thing."""
        return self._ask("DELETE", path)

    def download(self, path: str, out: BinaryIO, **query: Any) -> None:
        """Write what the API has at a path, however long it is; arguments that are None are not sent."""
        wanted = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", path, params=wanted) as answer:
                if not answer.is_success:
                    answer.read()
                    fail(_detail(answer))
                for piece in answer.iter_bytes():
                    out.write(piece)
        except httpx.HTTPError as error:
            fail(f"{self._url} does not answer: {error}")

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            fail(f"{self._url} does not answer: {error}")
        if answer.is_success:
            return answer.json()
        fail(_detail(answer))


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}; is it a driftline server?"


def _trusting(ca_file: str | None) -> Any:
    if ca_file is None:
        return True
    import ssl  # only where needed: the command starts faster without

    return ssl.create_default_context(cafile=ca_file)


def connect(context: typer.Context) -> Client:
    """Return the server that the global options name."""
    state = context.find_object(State)
    if state is None:
        raise TypeError("the application sets the state before any command runs")
    try:
        profile = choose(state.profiles, state.profile)
    except ProfileError as error:
        fail(str(error))
    return open_client(context, profile)


def open_client(context: typer.Context, profile: Profile) -> Client:
    """Return the server of a profile; closed with the context."""
    client = Client(profile)
    context.call_on_close(client.close)
    return client


def part(text: str | int) -> str:
    """Return a name as one part of a path."""
    return quote(str(text), safe="")

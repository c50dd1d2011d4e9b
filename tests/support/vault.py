"""A small HTTPS server that speaks the part of HashiCorp Vault's API that agents use, with a CA of its own.

Answers and statuses follow https://developer.hashicorp.com/vault/api-docs: KV versions 1 and 2, AppRole, namespaces.
"""

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Vault:
    """A running server; what it holds may be changed while it runs."""

    address: str
    ca_file: Path
    #: Namespace and path as in the address: ("", "secret/data/net/core").
    secrets: dict[tuple[str, str], object] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    #: role_id -> secret_id; and how long its tokens last, s.
    roles: dict[str, str] = field(default_factory=dict)
    lease_s: int = 3600
    #: A status that everything is answered with, and where a redirection leads.
    status: int = 0
    location: str = ""
    #: Paths that were asked for.
    asked: list[str] = field(default_factory=list)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "vault.pem", folder / "vault.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@contextmanager
def serve(folder: Path) -> Iterator[Vault]:
    """Serve until the block ends."""
    vault: Vault

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, document: object) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", vault.location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            path = self.path.removeprefix("/v1/")
            vault.asked.append(path)
            if vault.status:
                return self._answer(vault.status, {"errors": ["no"]})
            if self.headers["X-Vault-Request"] != "true" or self.headers["X-Vault-Token"] not in vault.tokens:
                return self._answer(403, {"errors": ["permission denied"]})
            found = vault.secrets.get((self.headers["X-Vault-Namespace"] or "", path))
            if found is None:
                return self._answer(404, {"errors": []})
            data = {"data": found, "metadata": {"version": 1}} if "/data/" in path else found
            return self._answer(200, {"request_id": "1", "lease_duration": 0, "data": data, "auth": None})

        def do_POST(self) -> None:
            path = self.path.removeprefix("/v1/")
            vault.asked.append(path)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            role, secret = body.get("role_id"), body.get("secret_id")
            if not path.endswith("/login") or vault.roles.get(role) != secret:
                return self._answer(400, {"errors": ["invalid role or secret ID"]})
            token = f"hvs.token-{len(vault.asked)}"
            vault.tokens.add(token)
            return self._answer(200, {"auth": {"client_token": token, "lease_duration": vault.lease_s}})

        def log_message(self, *_: object) -> None:
            pass

    certificate, key = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that do not trust it

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    vault = Vault(f"https://127.0.0.1:{server.server_address[1]}", certificate)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

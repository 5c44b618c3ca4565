# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on this machine for the nodes of a lab: an HTTP proxy, and a mirror with TLS and a password."""

from __future__ import annotations

import base64
import contextlib
import datetime
import functools
import http.client
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Target = Callable[[str], "tuple[str, str] | None"]


def _passing_on(target: Target, log: list[str], password: Callable[[str], str]) -> type:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def _refuse(self, code: int, **headers: str) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def do_GET(self) -> None:
            wanted = password(self.path)
            log.append(f"{self.command} {self.path} {'with' if self.headers.get('Authorization') else 'without'}")
            if wanted and self.headers.get("Authorization") != "Basic " + base64.b64encode(wanted.encode()).decode():
                self._refuse(401, WWW_Authenticate='Basic realm="test"')
                return
            found = target(self.path)
            if found is None:
                self._refuse(404)
                return
            host, path = found
            passed = {name: self.headers[name] for name in ("Accept", "Range", "User-Agent", "If-Modified-Since")
                      if name in self.headers}
            try:
                connection = http.client.HTTPConnection(host, timeout=60)
                connection.request(self.command, path, headers={"Host": host, **passed})
                answer = connection.getresponse()
                body = answer.read()
            except OSError:
                self._refuse(502)
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

    return Handler


@contextlib.contextmanager
def _running(server: http.server.ThreadingHTTPServer) -> Iterator[None]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def serve(address: str, target: Target, *, password: Callable[[str], str] = lambda path: "",
          certificate: Path | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve on a free port, and give its HOST:PORT and the log: a line `METHOD PATH with|without` (a password) each."""
    log: list[str] = []
    server = http.server.ThreadingHTTPServer((address, 0), _passing_on(target, log, password))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _running(server):
        yield f"{address}:{server.server_port}", log


@contextlib.contextmanager
def files(address: str, directory: Path) -> Iterator[str]:
    """Serve a directory on a free port, and give its HOST:PORT."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, 0), functools.partial(Handler, directory=str(directory)))
    with _running(server):
        yield f"{address}:{server.server_port}"


def through(url: str) -> tuple[str, str] | None:
    """The target of a proxy: what the request line names."""
    parts = urlsplit(url)
    return (parts.netloc, url.split(parts.netloc, 1)[1] or "/") if parts.netloc else None


def authority(directory: Path, address: str) -> tuple[Path, Path]:
    """A certificate authority, and a server's certificate with key for an address, as PEM files."""
    now = datetime.datetime.now(datetime.UTC)

    def build(name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")]))
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1)))

    own, served = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = build("Test authority", own).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    root = root.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    root = root.add_extension(x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False), critical=True)
    leaf = build(address, served).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False)
    pem = serialization.Encoding.PEM
    authority_file, server_file = directory / "authority.pem", directory / "server.pem"
    authority_file.write_bytes(root.sign(own, hashes.SHA256()).public_bytes(pem))
    server_file.write_bytes(leaf.sign(own, hashes.SHA256()).public_bytes(pem) + served.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return authority_file, server_file

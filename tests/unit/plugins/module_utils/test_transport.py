# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS, proxies, names and time: what happens below HTTP, with real sockets."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
import typing as t
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client, Endpoint
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock
from ansible_collections.vps_org.cloud.plugins.modules import snapshot_info

pytestmark = pytest.mark.slow

EMPTY_LIST = b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"count":0,"results":[]}'
Behaviour = t.Callable[[socket.socket], None]

# Python 3.13 is strict about certificates: a CA says that it signs, and keys are named.
UNUSED = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
CA_USAGE = x509.KeyUsage(digital_signature=False, key_cert_sign=True, **UNUSED)
SERVER_USAGE = x509.KeyUsage(digital_signature=True, key_cert_sign=False, **UNUSED)


def certificate(folder, name, *hosts, issuer=None):
    """Write NAME.pem and NAME.key; signed by *issuer*, or a CA of its own. Returns both objects."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer, signer_key = issuer or (None, key)
    today = datetime.datetime.now(datetime.timezone.utc)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        for host in hosts
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(CA_USAGE if signer is None else SERVER_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()),
            critical=False,
        )
    )
    if alternatives:
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    made = made.sign(signer_key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made, key


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A folder with ca, server (127.0.0.1, api.example.test), other and stranger: .pem and .key."""
    folder = tmp_path_factory.mktemp("pki")
    ca = certificate(folder, "ca")
    certificate(folder, "server", "127.0.0.1", "api.example.test", issuer=ca)
    certificate(folder, "other", "192.0.2.1", issuer=ca)
    certificate(folder, "stranger")
    return folder


@pytest.fixture
def serve():
    """``serve(behaviour)``: call it with every connection to a loopback port, which it returns."""
    with contextlib.ExitStack() as stack:

        def start(behaviour: Behaviour) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))

            def meet(connection: socket.socket) -> None:
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    behaviour(connection)

            def listen() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection = listener.accept()[0]
                        threading.Thread(target=meet, args=(connection,), daemon=True).start()

            threading.Thread(target=listen, daemon=True).start()
            return listener.getsockname()[1]

        yield start


def answering(pki, name="server", seen=None):
    """A TLS server's behaviour: read a request and answer an empty list."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            received = secure.recv(65536)
            if seen is not None:
                seen.append(received)
            secure.sendall(EMPTY_LIST)

    return behave


def ask(url, method="GET", seconds=5.0, **settings):
    """(answer or failure, pauses) of one request."""
    pauses: list[float] = []
    clock = Clock(time.monotonic, pauses.append, time.time)
    client = Client(Endpoint(url, "token", **{"timeout": 2, "retries": 2, **settings}), clock)
    try:
        return client.request(method, "/snapshots/", client.deadline(seconds)), pauses
    except RequestFailed as failed:
        return failed, pauses


@pytest.fixture(params=[None, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def bundle(request, monkeypatch, pki):
    """Environments that name another bundle of CAs."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if request.param:
        monkeypatch.setenv(request.param, str(pki / "stranger.pem"))


def test_an_unknown_ca_is_not_trusted_and_not_tried_again(serve, pki, bundle):
    failed, pauses = ask(f"https://127.0.0.1:{serve(answering(pki))}")
    assert "no trusted connection" in failed.text
    assert "ca_path" in failed.text
    assert not failed.transient
    assert pauses == []


def test_ca_path_is_trusted(serve, pki, bundle):
    port = serve(answering(pki))
    answer, dummy = ask(f"https://127.0.0.1:{port}", ca_path=str(pki / "ca.pem"))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("ca", "validate_certs", "trusted"),
    [(None, True, False), ("ca", True, True), ("stranger", True, False), (None, False, True)],
)
def test_a_modules_options_decide_what_is_trusted(world, serve, pki, ca, validate_certs, trusted):
    result = world.run(
        snapshot_info,
        api_url=f"https://127.0.0.1:{serve(answering(pki))}",
        api_retries=0,
        validate_certs=validate_certs,
        ca_path=str(pki / f"{ca}.pem") if ca else None,
    )
    assert result.get("snapshots", result.get("msg")) == [] or not trusted
    assert ("no trusted connection" in result.get("msg", "")) is not trusted


def test_ca_path_that_is_no_bundle(serve, pki):
    port = serve(answering(pki))
    failed, pauses = ask(f"https://127.0.0.1:{port}", ca_path=str(pki / "ca.key"))
    assert "ca_path" in failed.text
    assert not failed.transient
    assert pauses == []


def test_a_certificate_for_another_host_is_not_trusted(serve, pki):
    port = serve(answering(pki, "other"))
    failed, pauses = ask(f"https://127.0.0.1:{port}", ca_path=str(pki / "ca.pem"))
    assert failed.text.startswith(f"no trusted connection to 127.0.0.1:{port}: ")
    assert "certificate" in failed.text
    assert failed.text.endswith(". Give the CA by ca_path, or correct api_url")
    assert pauses == []


def test_validate_certs_off_connects_without_a_warning_of_urllib3(serve, pki, bundle):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answer, dummy = ask(f"https://127.0.0.1:{serve(answering(pki))}", validate_certs=False)
    assert answer.status == 200
    assert not [one for one in seen if "verified HTTPS" in str(one.message)]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_handshake_that_breaks_is_tried_again(serve, pki, method):
    answer = answering(pki)
    met = []

    def behave(connection: socket.socket) -> None:
        met.append(connection)
        connection.recv(1)
        if len(met) > 1:
            return
        connection.close()

    failed, pauses = ask(f"https://127.0.0.1:{serve(behave)}", method, validate_certs=False)
    assert failed.transient
    assert not failed.arrived
    assert len(met) == 3

    def first_breaks(connection: socket.socket) -> None:
        met.append(connection)
        if len(met) > 4:
            answer(connection)

    got, pauses = ask(f"https://127.0.0.1:{serve(first_breaks)}", method, validate_certs=False)
    assert got.status == 200
    assert len(pauses) == 1


def test_a_refused_connection_is_tried_again_also_for_a_post():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failed, pauses = ask(f"http://127.0.0.1:{port}", "POST")
    assert "no connection" in failed.text
    assert failed.transient
    assert not failed.arrived
    assert len(pauses) == 2


def test_a_name_that_is_not_resolved(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failed, pauses = ask("https://api.example.test", "POST")
    assert "no connection to api.example.test" in failed.text
    assert not failed.arrived
    assert len(pauses) == 2


def drip(text: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        for place in range(len(text)):
            connection.send(text[place : place + 1])
            time.sleep(0.1)

    return behave


ENDLESS_HEAD = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50
ENDLESS_HANDSHAKE = b"\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c" + b"\0" * 300


@pytest.mark.parametrize(("scheme", "text"), [("http", ENDLESS_HEAD), ("https", ENDLESS_HANDSHAKE)])
def test_drips_end_at_the_limit_of_one_request(serve, scheme, text):
    started = time.monotonic()
    failed, dummy = ask(f"{scheme}://127.0.0.1:{serve(drip(text))}", timeout=0.5, retries=0)
    assert 0.4 < time.monotonic() - started < 2
    assert "no complete answer" in failed.text
    assert failed.arrived is (scheme == "http")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_resolved_too_late_does_not_begin_a_request(serve, monkeypatch, scheme):
    seen = []

    def behave(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        drip(ENDLESS_HEAD)(connection)

    def late(*args, **kwargs):
        time.sleep(0.6)
        return resolve(*args, **kwargs)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", late)
    started = time.monotonic()
    port = serve(behave)
    failed, dummy = ask(f"{scheme}://localhost:{port}", "POST", timeout=0.3, retries=0)
    assert time.monotonic() - started < 2
    assert not failed.arrived
    assert [text for text in seen if text] == []


def test_an_https_proxy_of_the_environment_is_used(serve, pki, monkeypatch):
    seen, told = [], []
    target = serve(answering(pki, seen=seen))

    def proxy(connection: socket.socket) -> None:
        told.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", target)) as onward:

            def back() -> None:
                with contextlib.suppress(OSError):
                    while received := onward.recv(65536):
                        connection.sendall(received)
                    connection.shutdown(socket.SHUT_WR)

            threading.Thread(target=back, daemon=True).start()
            while received := connection.recv(65536):
                told.append(received)
                onward.sendall(received)

    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{serve(proxy)}")
    answer, dummy = ask("https://api.example.test", ca_path=str(pki / "ca.pem"))
    assert answer.status == 200
    assert told[0].startswith(b"CONNECT api.example.test:443")
    assert b"Bearer token" in seen[0]
    assert not [part for part in told if b"Bearer" in part]


def test_a_proxy_that_refuses_did_not_send_the_request(serve, monkeypatch):
    def proxy(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{serve(proxy)}")
    failed, pauses = ask("https://api.example.test", "POST")
    assert not failed.arrived
    assert failed.transient
    assert len(pauses) == 2


PASSWORDS = [
    "pa/s@s",
    "/s3cret",
    "s3cret#x",
    "s3cret?x",
    "s3\\cret",
    "12/s3cret",
    "s3cret]",
]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "address", ["http://user:{}@proxy.example:3128", "user:{}@proxy.example:3128"]
)
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_malformed_proxy_is_named_without_its_password(monkeypatch, variable, address, password):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, address.format(password))
    failed, pauses = ask("https://api.example.test")
    assert f"the address of the proxy in {variable} is no URL" in failed.text
    assert "%2F" in failed.text
    for part in (password, "s3", "cret", "user:", "proxy.example"):
        assert part not in failed.text
    assert not failed.transient and not failed.arrived
    assert pauses == []


@pytest.mark.parametrize(
    "address",
    [
        *("http://:3128", "http://user:s3cret@", "http://user:s3cret@proxy:99999"),
        *("http//user:s3cret@proxy", "http:/user:s3cret@proxy", "http://user:s3cret@proxy/path"),
        *("gopher://user:s3cret@proxy:1", "http://user:s3cret@proxy\n", "http://user:s3cret@a..b"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_proxy_that_is_none_is_not_tried_again(monkeypatch, method, address):
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", address)
    failed, pauses = ask("https://api.example.test", method)
    assert "s3cret" not in failed.text
    assert not failed.transient and not failed.arrived
    assert pauses == []


@pytest.mark.parametrize(
    "address", ["http://u:p@ss@127.0.0.1:{}", "127.0.0.1:{}", "HTTP://127.0.0.1:{}/"]
)
def test_a_proxy_with_a_password_is_used(serve, monkeypatch, address):
    told = []

    def proxy(connection: socket.socket) -> None:
        told.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", address.format(serve(proxy)))
    failed, dummy = ask("https://api.example.test", retries=0)
    assert told and told[0].startswith(b"CONNECT api.example.test:443")
    assert "403" in failed.text
    assert "ss@" not in failed.text


def answered(text: str) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text.encode())

    return behave


@pytest.mark.parametrize(
    "text",
    [
        "HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html><h1>Welcome",
        "HTTP/1.1 404 Not Found\r\n\r\n<!DOCTYPE html><h1>No such page",
        'HTTP/1.1 404 Not Found\r\n\r\n{"detail": "Not found."}',
        "HTTP/1.1 404 Not Found\r\n\r\n[]",
        "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n",
    ],
)
@pytest.mark.parametrize(("path", "hinted"), [("", True), ("/api", True), ("/api/v1/", False)])
def test_an_address_without_the_apis_path_gets_a_hint(serve, text, path, hinted):
    failed, dummy = ask(f"http://127.0.0.1:{serve(answered(text))}{path}", retries=0)
    hint = "api_url does not end with /api/v1, where the API is"
    assert failed.text.endswith(hint) is hinted
    assert (hint in failed.text) is hinted

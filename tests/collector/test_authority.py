"""Keys and certificates: made once, kept safe, replaced in time."""

import shutil
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from tests.collector.harness import MovedClock, agent_of, new_key, packages

from driftline_cmdb.errors import Unauthenticated
from driftline_collector.authority import certificates, store
from driftline_collector.authority.authority import Authority
from driftline_collector.collector import Collector
from driftline_collector.errors import AuthorityError

DAY_MS = 86_400_000


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_start_finds_the_first_ones_authority(tmp_path: Path) -> None:
    first = Authority(tmp_path, ["collector.example"])
    second = Authority(tmp_path, ["collector.example"])
    assert first.fingerprint == second.fingerprint
    assert first.server_pair() == second.server_pair()
    assert (tmp_path / "root.pem").read_bytes() == first.root_pem


def test_nobody_else_can_read_the_keys(tmp_path: Path) -> None:
    Authority(tmp_path, [])
    home = tmp_path / "authority"
    assert mode(home) == 0o700
    assert [mode(home / name) for name in ("root.key", "intermediate.pem", "server.pem")] == [0o600] * 3
    (home / "intermediate.pem").chmod(0o644)
    with pytest.raises(AuthorityError, match=r"intermediate\.pem: others can read"):
        Authority(tmp_path, [])


def test_many_first_starts_at_once_make_one_authority(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        prints = set(pool.map(lambda _: Authority(tmp_path, []).fingerprint, range(8)))
    assert len(prints) == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    Authority(tmp_path, [])
    path = tmp_path / "authority" / "server.pem"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(AuthorityError, match=r"server\.pem: is damaged.*backup"):
        Authority(tmp_path, [])


def test_the_server_is_known_by_its_names_and_addresses(tmp_path: Path) -> None:
    Authority(tmp_path, ["collector.example", "192.0.2.1", "2001:db8::1"])
    certificate = store.read_pair(tmp_path / "authority" / "server.pem").certificate
    wanted = {"collector.driftline", "collector.example", "192.0.2.1", "2001:db8::1"}
    assert certificates.names_of(certificate) == wanted
    _, chain = Authority(tmp_path, ["other.example"]).server_pair()
    leaf, intermediate, root = x509.load_pem_x509_certificates(chain)
    assert certificates.names_of(leaf) == {"collector.driftline", "other.example"}
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)


def test_certificates_are_replaced_before_their_end(tmp_path: Path) -> None:
    clock = MovedClock()
    authority = Authority(tmp_path, [], clock)
    client = authority.issue("someone", new_key().public_key(), timedelta(hours=24))
    (certificate, old_intermediate) = x509.load_pem_x509_certificates(client.chain)
    assert not authority.rotate()
    server = authority.server_pair()
    clock.ahead_ms = 61 * DAY_MS
    assert authority.rotate()
    assert authority.server_pair() != server
    clock.ahead_ms = 4 * 365 * DAY_MS + DAY_MS
    assert authority.rotate()
    leaf, intermediate, root = x509.load_pem_x509_certificates(authority.server_pair()[1])
    assert intermediate != old_intermediate
    assert root.fingerprint(hashes.SHA256()).hex() == authority.fingerprint
    leaf.verify_directly_issued_by(intermediate)
    authority.check_issued(certificate)
    Authority(tmp_path, [], clock).check_issued(certificate)


def test_the_root_key_may_be_away_until_it_is_needed(tmp_path: Path) -> None:
    clock = MovedClock()
    Authority(tmp_path, [], clock)
    (tmp_path / "authority" / "root.key").unlink()
    authority = Authority(tmp_path, [], clock)
    authority.issue("someone", new_key().public_key(), timedelta(hours=24))
    clock.ahead_ms = 4 * 365 * DAY_MS + DAY_MS
    with pytest.raises(AuthorityError, match="root key is not here"):
        authority.rotate()


def test_a_client_certificate_does_not_outlive_its_issuer(tmp_path: Path) -> None:
    clock = MovedClock()
    authority = Authority(tmp_path, [], clock)
    clock.ahead_ms = 5 * 365 * DAY_MS - 3_600_000
    issued = authority.issue("someone", new_key().public_key(), timedelta(hours=24))
    leaf, intermediate = x509.load_pem_x509_certificates(issued.chain)
    assert leaf.not_valid_after_utc <= intermediate.not_valid_after_utc


def test_a_second_collector_of_the_same_root(tmp_path: Path) -> None:
    first = Authority(tmp_path / "first", ["one.example"])
    (tmp_path / "second" / "authority").mkdir(parents=True)
    for name in ("root.pem", "root.key"):
        shutil.copy(tmp_path / "first" / "authority" / name, tmp_path / "second" / "authority" / name)
    second = Authority(tmp_path / "second", ["two.example"])
    assert second.fingerprint == first.fingerprint
    issued = first.issue("someone", new_key().public_key(), timedelta(hours=24))
    certificate, intermediate = x509.load_pem_x509_certificates(issued.chain)
    intermediate.verify_directly_issued_by(second.root)
    with pytest.raises(Unauthenticated):
        second.check_issued(certificate)
    for path in (tmp_path / "first" / "authority" / "issuers").iterdir():
        shutil.copy(path, tmp_path / "second" / "authority" / "issuers")
    (tmp_path / "second" / "authority" / "root.key").unlink()
    Authority(tmp_path / "second", ["two.example"]).check_issued(certificate)


def test_another_authoritys_certificate_is_not_ours(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours", []), Authority(tmp_path / "other", [])
    issued = other.issue("someone", new_key().public_key(), timedelta(hours=24))
    with pytest.raises(Unauthenticated, match="not issued by this collector"):
        ours.check_issued(x509.load_pem_x509_certificates(issued.chain)[0])


def test_a_replaced_server_certificate_is_served_without_a_restart(collector: Collector) -> None:
    def served() -> int:
        text = ssl.get_server_certificate(("127.0.0.1", collector.ports.enrol))
        return x509.load_pem_x509_certificate(text.encode()).serial_number

    before = served()
    agent = agent_of(collector)
    collector.authority._names |= {"new.example"}
    collector.authority.rotate()
    assert served() != before
    agent.submit(packages(("openssl", "1")))

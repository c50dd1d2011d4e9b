"""The agent's own file of devices: what it says; each error names the file, the key, the value and the mend."""

import os
from collections.abc import Iterator
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from driftline_agent.devices.settings import document
from driftline_agent.devices.settings.config import DevicesConfig, Discovery, Limits, TrapPort, load
from driftline_agent.devices.settings.document import Place
from driftline_agent.devices.settings.reading_config import read
from driftline_agent.devices.settings.references import Environment, SecretFile, VaultEntry
from driftline_agent.errors import ConfigError

DOCS = Path(__file__).parents[3] / "docs" / "devices.md"
HEAD = """
site: fra1
credentials:
  core: {version: 3, user: driftline, auth: SHA-256, auth_passphrase: {env: X}, prefixes: [10.0.0.0/8]}
  legacy: {version: 2c, community: s3cret-community, prefixes: [192.0.2.0/24]}
"""
ONE = "devices: [{address: 10.0.0.1, credential: core}]"


def test_all_that_can_be_said() -> None:
    config = read(
        HEAD
        + """
  six: {protocol: snmp, version: 1, community: {file: /etc/driftline/community}, prefixes: ["2001:db8::/64"]}
devices:
  - {address: 10.0.0.1, credential: core, interval: 60s, port: 1161, context: vlan-7}
  - {prefix: 10.0.1.0/24, credentials: [core, legacy], except: [10.0.1.7, 10.0.1.128/25]}
  - {address: "2001:db8::1", credential: six}
discover: {prefixes: [10.0.0.0/24], every: 1h, rate: 50, ports: [22, 22, 443], credentials: [core], except: [10.0.0.9]}
traps: {listen: "[::]:1162"}
limits: {concurrent: 7, timeout: 500ms, poll: 1m, requests_per_s: 2.5}
vault: {address: "https://vault.example.org:8200", token: {file: /run/token}, mount: kv, kv: 1}
takes_handed_out: false
profiles: /etc/driftline/profiles
""",
        "devices.yaml",
    )
    assert config.site == "fra1" and not config.takes_more
    assert list(config.credentials) == ["core", "legacy", "six"]
    first, second, third = config.targets
    assert first.single and (first.interval_s, first.port, first.context) == (60, 1161, "vlan-7")
    assert second.credentials == ("core", "legacy") and second.interval_s == 300
    assert second.excluded == (ip_network("10.0.1.7"), ip_network("10.0.1.128/25"))
    assert third.network == ip_network("2001:db8::1")
    assert config.credentials["core"].may_be_used_at("10.9.9.9")
    assert not config.credentials["core"].may_be_used_at("192.0.2.1")
    assert config.discovery == Discovery(
        (ip_network("10.0.0.0/24"),), 3600, 50, (22, 443), ("core",), (ip_network("10.0.0.9"),)
    )
    assert config.traps == TrapPort("::", 1162)
    assert config.limits == Limits(concurrent=7, timeout_s=0.5, poll_s=60, requests_per_s=2.5)
    assert isinstance(config.vault, VaultEntry) and config.vault.token == SecretFile(Path("/run/token"))
    assert config.profiles == Path("/etc/driftline/profiles")
    assert "s3cret" not in repr(config)


def test_what_is_not_said_is_the_documented_default() -> None:
    config = read(HEAD, "devices.yaml")
    assert (config.targets, config.discovery, config.traps, config.vault) == ((), None, None, None)
    assert config.limits == Limits() and config.takes_more


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "d.yaml: is empty; it needs at least a site and credentials"),
        ("[1]", "d.yaml: is not a mapping"),
        ("site: fra1", "d.yaml: has no credentials; add"),
        ("site: fra1\nsite: b", "d.yaml: line 2, column 1: a key stands twice; keep one of them"),
        ("site: [", "d.yaml: line 1, column 8: "),
        ("site: !!python/object:os.system x", "d.yaml: line 1, column 7: could not determine a constructor"),
        (HEAD.replace("fra1", "12"), "d.yaml: site: 12 is not a text; put it in quotes"),
        (HEAD + "device: []", 'd.yaml: there is no key "device"; there are site, credentials, devices,'),
        (HEAD + "profiles: own", 'd.yaml: profiles: "own" is not a whole path; write it like /etc/driftline/profiles'),
        (HEAD + "takes_handed_out: 1", "d.yaml: takes_handed_out: 1 is neither true nor false"),
        (HEAD.replace("10.0.0.0/8", "10.0.0.1/8"), 'core.prefixes[0]: "10.0.0.1/8" has host bits; write 10.0.0.0/8'),
        (HEAD.replace(", prefixes: [10.0.0.0/8]", ""), "d.yaml: credentials.core: has no prefixes; add where"),
        (HEAD.replace("[10.0.0.0/8]", "[]"), "credentials.core.prefixes: is an empty list; name at least one"),
        (HEAD.replace("version: 3", "version: 4"), "credentials.core.version: there is no version 4 of SNMP; there"),
        (HEAD.replace("SHA-256", "SHA256"), 'credentials.core.auth: there is no "SHA256"; there are MD5, SHA,'),
        (HEAD.replace("auth: SHA-256, ", ""), "core.auth_passphrase: is there without auth; name the protocol"),
        (HEAD.replace("auth: SHA-256, auth_passphrase: {env: X}", "privacy: AES, privacy_passphrase: {env: X}"),
         "core.privacy: needs auth too"),
        (HEAD.replace("{env: X}", "short"), "core.auth_passphrase: is shorter than 8 characters"),
        (HEAD.replace("{env: X}", "{vault: {path: a, key: b}}"), "core: leads to Vault, and the file has no vault"),
        (HEAD.replace("{env: X}", "{command: [pass]}"), "auth_passphrase.command: does not begin with an absolute"),
        (HEAD.replace("{env: X}", "{file: x}"), "core.auth_passphrase.file: is not an absolute path"),
        (HEAD.replace("version: 2c", "version: 3"), "legacy.community: is not for version 3; leave it out"),
        (HEAD + "devices: [{address: 10.0.0.1, credential: cor}]",
         'd.yaml: devices[0].credential: there is no "cor"; there are core, legacy'),
        (HEAD + "devices: [{address: 10.0.0.1}]", "devices[0]: needs either credential or credentials; there are core"),
        (HEAD + "devices: [{credential: core}]", "devices[0]: needs either address or prefix"),
        (HEAD + "devices: [{address: 10.0.0.0/24, credential: core}]", 'address: "10.0.0.0/24" is not one address'),
        (HEAD + "devices: [{prefix: 10.0.0.0/15, credential: core}]", "10.0.0.0/15 is too large to look through;"),
        (HEAD + "devices: [{address: 203.0.113.1, credentials: [core, legacy]}]",
         "devices[0].address: 203.0.113.1 is outside of the prefixes where its credentials may be used (core: "
         "10.0.0.0/8; legacy: 192.0.2.0/24)"),
        (HEAD + "devices: [{address: 10.0.0.1, credential: core}, {address: 10.0.0.1, credential: core}]",
         "devices[1]: 10.0.0.1, port 161, stands in devices[0] too; keep one of them"),
        (HEAD + "devices: [{address: 10.0.0.1, credential: core, interval: 60}]",
         "devices[0].interval: 60 is not a span of time; write it like 30s, 5m or 1h"),
        (HEAD + "devices: [{address: 10.0.0.1, credential: core, interval: 1s}]", "1s is out of bounds; write 10s to"),
        (HEAD + "devices: [{address: 192.0.2.1, credential: legacy, context: x}]", "context: is for SNMPv3, and none"),
        (HEAD + "devices: [{prefix: 10.0.0.0/24, credential: core, except: [10.1.0.1]}]", "10.1.0.1 is not in 10.0.0"),
        (HEAD + "devices: [{prefix: 10.0.0.0/24, credentials: [core, core]}]", '"core" stands twice; keep one'),
        (HEAD + "discover: {rate: 5}", "discover: has no prefixes; add"),
        (HEAD + 'discover: {prefixes: ["2001:db8::/64"]}', "discover.prefixes[0]: 2001:db8::/64 is too large"),
        (HEAD + "discover: {prefixes: [10.0.0.0/16]}", "discover: one pass takes 131 min at a rate of 50 probes a sec"),
        (HEAD + "discover: {prefixes: [10.0.0.0/24], rate: 9999}", "discover.rate: 9999 is not a whole number from 1"),
        (HEAD + "discover: {prefixes: [10.0.0.0/24], ports: [0]}", "discover.ports[0]: 0 is not a whole number from"),
        (HEAD + "traps: {listen: 162}", "traps.listen: 162 is not a text"),
        (HEAD + 'traps: {listen: ":::162"}', 'traps.listen: ":::162" is not an address and a port; write it like'),
        (HEAD + "limits: {retries: -1}", "limits.retries: -1 is not a whole number from 0 to 10"),
        (HEAD + "vault: {address: 'http://v:8200', token: x}", "vault.address: is not where Vault can be reached over"),
        (HEAD + "vault: {address: 'https://v'}", "vault: needs either token or app_role; add one of them"),
        (HEAD + "vault: {address: 'https://v', token: {vault: {path: a, key: b}}}", "vault.token: is neither a text"),
        (HEAD + "vault: {address: 'https://v', token: x, mount: ../sys}", 'vault.mount: "../sys" is not a path in'),
    ],
)  # fmt: skip
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, "d.yaml")
    assert str(caught.value).startswith("d.yaml: ") and message in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
        "12345678",  # a number
        "[topsecret]",
        "{topsecret: x}",
        "{topsecret}",
        "{env: 'topsecret!'}",
        "{env: [topsecret]}",
        "{file: topsecret}",
        "{command: topsecret}",
        "{command: [topsecret]}",
        "{systemd: 'top secret'}",
        "{vault: topsecret}",
        "*topsecret",
        "!topsecret x",
        "@topsecret",
        "'topsecret",
        "topsecret: x",
        "%topsecret",
        "2026-99-99",
        "true",
    ],
)
def test_no_error_shows_what_may_be_a_secret(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(HEAD.replace("s3cret-community", secret), "d.yaml")
    error: BaseException | None = caught.value
    while error is not None:
        for word in ("topsecret", "top secret", "12345678", "99"):
            assert word not in str(error), error
        error = error.__cause__


FULL = {
    "site": "a",
    "credentials": {
        "c": {"version": "2c", "community": {"env": "X"}, "prefixes": ["10.0.0.0/8"]},
        "u": {"version": 3, "user": "u", "auth": "SHA", "auth_passphrase": {"command": ["/bin/x"]}, "privacy": "AES",
              "privacy_passphrase": {"vault": {"path": "a", "key": "b"}}, "prefixes": ["10.0.0.0/8"]},
    },
    "devices": [{"address": "10.0.0.1", "credential": "u", "interval": "60s", "port": 1, "context": "x"},
                {"prefix": "10.0.0.0/24", "credentials": ["c", "u"], "except": ["10.0.0.9"]}],
    "discover": {"prefixes": ["10.0.0.0/24"], "every": "1h", "rate": 50, "ports": [22], "credentials": ["c"],
                 "except": ["10.0.0.9"], "snmp_port": 161},
    "traps": {"listen": "0.0.0.0:162"},
    "limits": {"concurrent": 7, "requests_per_s": 2.5, "timeout": "1s"},
    "vault": {"address": "https://v", "app_role": {"role_id": "r", "secret_id": {"file": "/x"}, "mount": "m"},
              "namespace": "n", "mount": "m", "kv": 2, "ca_file": "/x"},
    "takes_handed_out": True,
}  # fmt: skip
ODD: tuple[object, ...] = (
    None, True, 0, -1, 16**5000, 1.5, float("nan"), float("inf"), "", " ", "a\0b", "\u0663", "9" * 5000, "::1",
    "0.0.0.0/0", "2001:db8::/112", "fe80::1%1", "https://[", [], [None], [[]], {}, {None: 1}, {1: 2}, {"a": {}},
    {"env": None}, b"x", date(2026, 1, 1),
)  # fmt: skip


def _places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*path, key))


def _with(value: Any, path: tuple[object, ...], odd: object) -> Any:
    if not path:
        return odd
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _with(value[path[0]], path[1:], odd)
    return changed


def test_an_odd_value_anywhere_is_read_or_refused_by_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(yaml.safe_dump(FULL), "d.yaml").site == "a"
    for path in _places(FULL):
        for odd in ODD:
            root = Place("d.yaml", "", _with(FULL, path, odd))
            monkeypatch.setattr(document, "parse", lambda *_, root=root: root)
            try:
                assert isinstance(read("", "d.yaml"), DevicesConfig)
            except ConfigError as error:
                assert str(error).startswith("d.yaml: ") and len(str(error)) < 600, error


def test_an_address_in_disguise_leads_nowhere_else() -> None:
    credential = read(HEAD.replace("[10.0.0.0/8]", '["::/0", 10.0.0.0/8]'), "d").credentials["core"]
    assert credential.may_be_used_at("2001:db8::1") and credential.may_be_used_at("::ffff:10.0.0.1")
    for address in ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201", "host.example.org", "10.1", ""):
        assert not credential.may_be_used_at(address), address


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "devices.yaml"
    path.write_text(HEAD + ONE)
    path.chmod(0o600)
    return path


def test_only_a_closed_file_is_read(file: Path) -> None:
    assert isinstance(load(file), DevicesConfig)
    file.chmod(0o400)
    assert load(file).file == str(file)
    for mode in (0o640, 0o604, 0o620, 0o660, 0o644, 0o700):
        file.chmod(mode)
        with pytest.raises(ConfigError, match=f"has mode {mode:04o} .* chmod 600 {file}"):
            load(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_only_its_owner_s_file_is_read(file: Path) -> None:
    os.chown(file, 12345, -1)
    with pytest.raises(ConfigError, match="belongs to user 12345, who could change it"):
        load(file)


def test_what_cannot_be_read(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: no such file or directory"):
        load(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="is not a file; give a file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="is not a file; give a file"):
        load(tmp_path / "pipe")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(file)
    file.write_bytes(b"")
    file.chmod(0o644)  # it has nothing to hide
    with pytest.raises(ConfigError, match="is empty; it needs"):
        load(file)
    file.chmod(0o600)
    file.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="is larger than 1024 KiB"):
        load(file)


def test_references_say_where_secrets_come_from_and_nothing_else() -> None:
    assert str(Environment("X")) == "environment variable X"


def test_the_documented_examples_are_read() -> None:
    examples = [part.partition("```")[0] for part in DOCS.read_text().split("```yaml\n")[1:]]
    assert len(examples) >= 2
    for example in examples:
        assert read(example, "docs/devices.md").site


def test_every_key_is_documented() -> None:
    from driftline_agent.devices.settings import reading_config, reading_credentials, reading_prefixes, references

    text = DOCS.read_text()
    names = {*reading_config._KEYS, *reading_config._TARGET, *reading_config._WHOLE, *reading_config._SPANS}
    names |= {"requests_per_s", "version", "community", "protocol", *reading_credentials._V3, *reading_prefixes._KEYS}
    names |= {*references._KINDS, "token", "app_role", "role_id", "secret_id", "namespace", "mount", "ca_file", "kv"}
    for name in sorted(names):
        assert f"`{name}`" in text, name

"""``driftline-agent devices check``: what the file says in words, which references lead nowhere, and no secret."""

import io
from pathlib import Path

from driftline_agent.devices import profiles
from driftline_agent.devices.settings import check

TEXT = """
site: fra1
credentials:
  core: {version: 3, user: driftline, auth: SHA-256, auth_passphrase: {file: %s}, privacy: AES,
         privacy_passphrase: s3cret-privacy, prefixes: [10.0.0.0/8]}
  legacy: {version: 2c, community: s3cret-community, prefixes: [192.0.2.0/24]}
devices:
  - {address: 10.0.0.1, credential: core, interval: 60s}
  - {prefix: 192.0.2.0/24, credentials: [core, legacy], port: 1161, except: [192.0.2.7]}
discover: {prefixes: [10.0.1.0/24], ports: [22], credentials: [core], rate: 10}
traps: {}
"""


def run(path: Path) -> tuple[int, str]:
    out = io.StringIO()
    return check.run(path, out), out.getvalue()


def test_all_is_well_and_then_a_reference_leads_nowhere(tmp_path: Path) -> None:
    path, passphrase = tmp_path / "devices.yaml", tmp_path / "passphrase"
    for file, text in ((path, TEXT % passphrase), (passphrase, "s3cret-auth\n")):
        file.touch(0o600)
        file.write_text(text)
    status, text = run(path)
    assert text.splitlines() == [
        "site  fra1",
        f"good  credential core: SNMPv3 authPriv, user driftline, SHA-256, AES; auth_passphrase from file {passphrase};"
        " privacy_passphrase from the file itself; for 10.0.0.0/8",
        "good  credential legacy: SNMPv2c, community in clear; community from the file itself; for 192.0.2.0/24",
        "read  10.0.0.1 with core, every 60 s",
        "read  whoever answers in 192.0.2.0/24 with core, legacy, every 300 s, port 1161, without 192.0.2.7",
        "look  10.0.1.0/24 every 3600 s by ICMP, TCP 22, SNMP core, 10 probes a second: up to 77 s a pass",
        "hear  traps at 0.0.0.0, port 162",
        "takes devices that the collector hands out, where a credential above may be used for them",
    ]
    assert status == 0
    passphrase.chmod(0o644)
    status, text = run(path)
    assert status == 1 and "s3cret" not in text
    assert "bad   credential core: " in text and "good  credential legacy: " in text
    assert f"-> credential core: auth_passphrase: file {passphrase}: has mode 0644" in text
    assert text.endswith("1 of 2 credentials cannot be used\n")


def test_a_credential_that_may_be_used_anywhere_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    path.touch(0o600)
    path.write_text('site: a\ncredentials: {c: {version: 1, community: x, prefixes: ["::/0"]}}')
    status, text = run(path)
    assert status == 0 and "note  credential c: may be used anywhere; narrow its prefixes" in text


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text("site: a")
    path.chmod(0o644)
    status, text = run(path)
    assert status == 1 and text.startswith(f"bad   devices {path}: has mode 0644")


def test_own_profiles_are_checked_and_used(tmp_path: Path) -> None:
    path, folder = tmp_path / "devices.yaml", tmp_path / "own"
    path.touch(0o600)
    path.write_text(
        f"site: a\ncredentials: {{c: {{version: 1, community: x, prefixes: [10.0.0.0/8]}}}}\nprofiles: {folder}"
    )
    try:
        status, text = run(path)
        assert (status, text) == (
            1,
            f"bad   {path}: profiles: {folder} is not a folder; name the one that has your *.yaml\n",
        )
        folder.mkdir()
        (folder / "mine.yaml").write_text("vendor: Mine\nmatch: [{object_id: [1.3.6.1.4.1.99999]}]")
        status, text = run(path)
        assert status == 0 and f"use   profiles of {folder}: mine\n" in text
        assert profiles.all_profiles()["mine"].vendor == "Mine"
        (folder / "mine.yaml").write_text("vender: Mine")
        status, text = run(path)
        assert status == 1 and str(folder / "mine.yaml") in text and '"vender" is not known here' in text
        assert profiles.all_profiles()["mine"].vendor == "Mine"  # as it was
        (folder / "mine.yaml").unlink()
        assert run(path)[0] == 0 and "mine" not in profiles.all_profiles()
    finally:
        profiles.forget_own()

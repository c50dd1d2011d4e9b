"""Bounds on what agents send, beyond the size of a message; pure. Every refusal names the field and its bound.

What sections and batches hold is checked by the record's rooms: :func:`driftline_cmdb.reports.prepare_section`,
:func:`driftline_cmdb.utilization.check`.
"""

import re
from collections.abc import Iterable
from typing import Protocol

from google.protobuf.message import DecodeError

from driftline.v1.collector_pb2 import (
    LEAVE_REASON_UNSPECIFIED,
    Evidence,
    HostClaims,
    LeaseDevicesRequest,
    LeaveReason,
    LeaveRequest,
    Manifest,
    RenewRequest,
    ReportSightingsRequest,
    Section,
    Stamp,
    Transaction,
)
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb.errors import Invalid

#: Bytes of one message at the enrol port and at the report port.
ENROL_MESSAGE = 16 * 1024
REPORT_MESSAGE = 4 * 1024 * 1024

SECTIONS = 200
TRANSACTIONS = 1_000
PACKAGE_CHANGES = 20_000
EVIDENCE = 500
EVIDENCE_KINDS = ("sudo", "session", "unit", "management")
LIMITATIONS = 20
#: Values of one batch over all series and minutes: half a day of 250 series.
VALUES = 1_000_000
#: Of one call for leases: devices of the agent's own file, those that it gives back and those with problems; its
#: credentials, and prefixes of one.
DEVICES = 10_000
CREDENTIALS, PREFIXES = 100, 500
SIGHTINGS, ANSWERS = 1_000, 64
#: Values of one kind that a host claims.
CLAIMED = {"macs": 256, "disk_serial_numbers": 256, "entity_serial_numbers": 256, "management_addresses": 64}
#: Bytes of a continuation token and of the digest of a machine.
CONTINUATION = 64
MACHINE = 32
#: Characters of a name, of a longer text, and of a command line (apt logs thousands of packages in one).
_SHORT = 80
_TEXT = 256
_SAID = 500
_LONG = 16 * 1024
_COMMAND = 1024 * 1024
_DIGEST = 16
#: The year 2200.
_LATEST_MS = 7_258_118_400_000

_SECTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_UID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5,7}", re.ASCII)
_EPOCH = re.compile(r"[0-9A-Za-z_-]{8,64}", re.ASCII)


class _Named(Protocol):
    name: str


def check_stamp(stamp: Stamp, lowest: int = 1) -> None:
    """Check a call's stamp.

    :param lowest: the lowest sequence: 1 for a report, 0 for an announcement, which names the last receipt's.
    :raises Invalid: where a field is missing or out of bounds.
    """
    check_epoch("stamp.epoch", stamp.epoch)
    if not lowest <= stamp.sequence < 2**53:
        raise Invalid(f"stamp.sequence: {stamp.sequence} is not in {lowest} to 2^53; numbering starts at 1")
    check_continuation("stamp.continuation", stamp.continuation)
    check_time("stamp.sent_at_ms", stamp.sent_at_ms)
    check_text("stamp.agent_version", stamp.agent_version)
    if stamp.previous_epoch:
        check_epoch("stamp.previous_epoch", stamp.previous_epoch)
    if len(stamp.machine) > MACHINE:
        raise Invalid(f"stamp.machine: is longer than {MACHINE} bytes")
    check_text("stamp.begun_for", stamp.begun_for, _SHORT)
    if bool(stamp.device) != bool(stamp.lease):
        raise Invalid("stamp.device, stamp.lease: a report for a device has both, any other has neither")
    if stamp.device:
        check_uid("stamp.device", stamp.device)
        if stamp.lease >= 2**53:
            raise Invalid(f"stamp.lease: {stamp.lease} is no generation of a lease")


def check_uid(name: str, uid: str) -> None:
    """Check that a text is an identity that the collector gave.

    :raises Invalid: where not.
    """
    if not _UID.fullmatch(uid):
        raise Invalid(f"{name}: {uid[:80]!r} is no identity (a UUID)")


def check_lease(request: LeaseDevicesRequest) -> None:
    """Check what an agent says when it asks for leases; whether an offer is a device is checked by the record's room.

    :raises Invalid: where a field is missing or out of bounds.
    """
    check_site(request.site)
    if request.same_offers and (request.devices or request.credentials):
        raise Invalid("same_offers: is set, and there are offers; leave out one of the two")
    _at_most("devices", len(request.devices), DEVICES)
    for number, device in enumerate(request.devices):
        check_text(f"devices[{number}].credential", device.credential, _SHORT)
        check_text(f"devices[{number}].target.context", device.target.context, _SHORT)
    _at_most("credentials", len(request.credentials), CREDENTIALS)
    for credential in request.credentials:
        name = f"credentials[{credential.name[:_SHORT]}]"
        check_text(f"{name}.name", credential.name, _SHORT)
        check_text(f"{name}.protocol", credential.protocol, _SHORT)
        _at_most(f"{name}.prefixes", len(credential.prefixes), PREFIXES)
    _at_most("released", len(request.released), DEVICES)
    for uid in request.released:
        check_uid("released", uid)
    if len(request.known) > CONTINUATION:
        raise Invalid(f"known: is longer than {CONTINUATION} bytes; send back the last reply's fingerprint")
    _at_most("problems", len(request.problems), DEVICES)
    for problem in request.problems:
        check_uid("problems.source_id", problem.source_id)
        name = f"problems[{problem.source_id}]"
        check_text(f"{name}.reason", problem.reason, _SAID)
        for field in ("since_ms", "answered_ms"):
            if getattr(problem, field):  # 0 where it is not known
                check_time(f"{name}.{field}", getattr(problem, field))


def check_sightings(request: ReportSightingsRequest) -> None:
    """Check what was seen on a network.

    :raises Invalid: where a field is missing or out of bounds.
    """
    check_site(request.site)
    _at_most("sightings", len(request.sightings), SIGHTINGS)
    for number, one in enumerate(request.sightings):
        name = f"sightings[{number}]"
        if one.mac and not _MAC.fullmatch(one.mac):
            raise Invalid(f"{name}.mac: {one.mac[:80]!r} is no hardware address in lower case with colons")
        _at_most(f"{name}.answers", len(one.answers), ANSWERS)
        for answer in one.answers:
            check_text(f"{name}.answers", answer, _SHORT)
        for field in ("credential", "object_id", "engine_id", "system_name"):
            check_text(f"{name}.{field}", getattr(one, field))
        check_text(f"{name}.description", one.description, _SAID)
        check_time(f"{name}.seen_at_ms", one.seen_at_ms)


def check_site(site: str) -> None:
    """Check that a site is named; an operator's name for one is checked where it is given.

    :raises Invalid: where not.
    """
    if not site:
        raise Invalid("site: is empty; the agent's file says it")
    check_text("site", site, _SHORT)


def check_epoch(name: str, epoch: str) -> None:
    """Check that a text names an epoch.

    :raises Invalid: where not.
    """
    if not _EPOCH.fullmatch(epoch):
        raise Invalid(f"{name}: is not 8 to 64 letters, digits, - or _")


def check_own(request: RenewRequest) -> HostClaims:
    """Check a request for an identity of one's own; return its claims.

    :raises Invalid: where a field is malformed or out of bounds.
    """
    check_epoch("epoch", request.epoch)
    check_continuation("continuation", request.continuation)
    try:
        claims = HostClaims.FromString(request.claims)
    except DecodeError as error:
        raise Invalid("claims: not a serialized HostClaims") from error
    check_claims(claims)
    return claims


def check_continuation(name: str, continuation: bytes) -> None:
    """Check the length of a continuation token.

    :raises Invalid: where it is too long.
    """
    if len(continuation) > CONTINUATION:
        raise Invalid(f"{name}: is longer than {CONTINUATION} bytes; send back what the last receipt held")


def check_leave(request: LeaveRequest) -> None:
    """Check what an agent says when it stops.

    :raises Invalid: where the reason is none, or the time out of bounds.
    """
    if request.reason not in LeaveReason.values() or request.reason == LEAVE_REASON_UNSPECIFIED:
        raise Invalid(f"reason: {request.reason} is none of {', '.join(LeaveReason.keys()[1:])}")
    check_time("at_ms", request.at_ms)


def check_claims(claims: HostClaims) -> None:
    """Check a host's claims.

    :raises Invalid: where a field is out of bounds.
    """
    for descriptor, value in claims.ListFields():
        name = f"claims.{descriptor.name}"
        if isinstance(value, str):
            check_text(name, value)
            continue
        _at_most(name, len(value), CLAIMED[descriptor.name])
        for one in value:
            check_text(name, one)


def check_manifest(manifest: Manifest) -> None:
    """Check a manifest.

    :raises Invalid: where a field is missing or out of bounds.
    """
    _check_names("manifest.sections", manifest.sections)
    for section in manifest.sections:
        if len(section.digest) not in (0, _DIGEST):
            raise Invalid(f"manifest.sections[{section.name}].digest: is not {_DIGEST} bytes, nor empty for unreadable")
    _at_most("manifest.limitations", len(manifest.limitations), LIMITATIONS)
    for limitation in manifest.limitations:
        check_text("manifest.limitations", limitation, _SAID)
    if manifest.observed_at_ms:  # 0 where nothing was read yet
        check_time("manifest.observed_at_ms", manifest.observed_at_ms)


def check_sections(sections: Iterable[Section]) -> None:
    """Check what stands around the sections' content.

    :raises Invalid: where a field is missing or out of bounds.
    """
    sections = list(sections)
    _check_names("sections", sections)
    for section in sections:
        name = f"sections[{section.name}]"
        check_time(f"{name}.observed_at_ms", section.observed_at_ms)
        if section.previous_digest:
            if len(section.previous_digest) != _DIGEST:
                raise Invalid(f"{name}.previous_digest: is not {_DIGEST} bytes")
            check_time(f"{name}.previous_observed_at_ms", section.previous_observed_at_ms)
        check_text(f"{name}.reason", section.reason, _LONG)
        _at_most(f"{name}.unreadable", len(section.unreadable), 10_000)
        for path in section.unreadable:
            check_text(f"{name}.unreadable", path, 1024)


def check_transactions(transactions: Iterable[Transaction]) -> None:
    """Check evidence.

    :raises Invalid: where a field is out of bounds.
    """
    transactions = list(transactions)
    _at_most("transactions", len(transactions), TRANSACTIONS)
    for number, transaction in enumerate(transactions):
        name = f"transactions[{number}]"
        check_text(f"{name}.manager", transaction.manager)
        check_text(f"{name}.requested_by", transaction.requested_by, _LONG)
        check_text(f"{name}.command_line", transaction.command_line, _COMMAND)
        check_time(f"{name}.started_at_ms", transaction.started_at_ms)
        check_time(f"{name}.ended_at_ms", transaction.ended_at_ms)
        _at_most(f"{name}.changes", len(transaction.changes), PACKAGE_CHANGES)
        for change in transaction.changes:
            for field in ("action", "name", "architecture", "version_before", "version_after"):
                check_text(f"{name}.changes.{field}", getattr(change, field), _LONG)


def check_evidence(evidence: Iterable[Evidence]) -> None:
    """Check who was there.

    :raises Invalid: where a field is out of bounds.
    """
    evidence = list(evidence)
    _at_most("evidence", len(evidence), EVIDENCE)
    for number, one in enumerate(evidence):
        name = f"evidence[{number}]"
        if one.kind not in EVIDENCE_KINDS:
            raise Invalid(f"{name}.kind: {one.kind[:80]!r} is none of {', '.join(EVIDENCE_KINDS)}")
        for field in ("who", "what", "source"):
            check_text(f"{name}.{field}", getattr(one, field), _SAID)
        check_time(f"{name}.started_at_ms", one.started_at_ms)
        if one.ended_at_ms:  # 0 where it has not ended
            check_time(f"{name}.ended_at_ms", one.ended_at_ms)


def check_batch(batch: UtilizationBatch) -> None:
    """Check how large a batch is; what it says is checked by :func:`driftline_cmdb.utilization.check`.

    :raises Invalid: where it is out of bounds.
    """
    values = sum(
        len(series.minutes) + len(series.min) + len(series.mean) + len(series.max) + len(series.last)
        for series in batch.series
    )
    _at_most("batch: values of all series", values, VALUES)


def check_time(name: str, time_ms: int) -> None:
    """Check that a time is one.

    :raises Invalid: where it is not between 1970 and 2200.
    """
    if not 0 < time_ms < _LATEST_MS:
        raise Invalid(f"{name}: {time_ms} is no time in ms since 1970")


def check_text(name: str, text: str, longest: int = _TEXT) -> None:
    """Check a text's length, and that it has no NUL, which PostgreSQL cannot store.

    :raises Invalid: where not.
    """
    if len(text) > longest:
        raise Invalid(f"{name}: is longer than {longest} characters")
    if "\0" in text:
        raise Invalid(f"{name}: has a NUL character")


def _check_names(field: str, named: Iterable[_Named]) -> None:
    names = [entry.name for entry in named]
    _at_most(field, len(names), SECTIONS)
    for name in names:
        if not _SECTION_NAME.fullmatch(name):
            raise Invalid(f"{field}: {name[:80]!r} is no section's name (a-z, digits and _, at most 64)")
    if len(set(names)) != len(names):
        raise Invalid(f"{field}: a section stands twice")


def _at_most(name: str, count: int, most: int) -> None:
    if count > most:
        raise Invalid(f"{name}: {count} are more than {most}; send them in parts")

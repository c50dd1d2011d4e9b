"""How fast reports become durable, and how many calls a collector answers, as ratios to bare floors of the same run.

Ingest: a host has 1,000 packages, 5 of them its own. Floor: the two tables `element` and `holding` in SQLite, WAL,
synchronous=FULL, with plain sqlite3 and the elements already split; the same batches. The real pipeline is measured
from the wire's bytes on (parse, check, split, commit) in one thread, and the commit alone.

Calls: `SubmitUtilization` as agents make it every minute (30 series), over mutual TLS on loopback, each call a commit.
Floor: a bare grpcio unary echo of the same bytes with the same TLS and threads. Servers run in processes of their own.

Absolute numbers depend on the disk and on who else uses the processors; the ratios are what to compare.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import CollectorStub, EnrolmentStub
from driftline.v1.facts_pb2 import Facts
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb import sources
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.reports import Ingest, PreparedSection, Report, prepare_section
from driftline_cmdb.sources import TokenText
from driftline_cmdb.tables.sources import Source
from driftline_collector.authority.authority import Authority, fingerprint

HOSTS = 100
BATCH = 20
PACKAGES = 1000
OWN = 5
CHANGES = 20
CALLERS = 16
CALLS = 40
TARGET = (("grpc.ssl_target_name_override", "collector.driftline"),)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def section(host: int, version: str) -> pb.Section:
    """A host's packages; the last `CHANGES` of those that all have are at `version`."""
    facts = Facts()
    for number in range(PACKAGES - OWN):
        changed = version if number >= PACKAGES - OWN - CHANGES else "1.0"
        facts.software.packages.add(
            manager="dpkg", name=f"package-{number}", architecture="amd64", version=changed, vendor="Debian developers"
        )
    for number in range(OWN):
        facts.software.packages.add(manager="dpkg", name=f"own-{host}-{number}", architecture="amd64", version="1.0")
    content = facts.SerializeToString(deterministic=True)
    return pb.Section(
        name="dpkg", outcome=pb.READ, content=content, digest=digest_of(content), observed_at_ms=now_ms(), revision=1
    )


def batches(items: Sequence[pb.Section]) -> list[list[tuple[int, pb.Section]]]:
    numbered = list(enumerate(items))
    return [numbered[start : start + BATCH] for start in range(0, len(numbered), BATCH)]


def per_second(work: Callable[[], None], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


class Floor:
    """The two tables and nothing else."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(
            """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;
            CREATE TABLE path (id INTEGER PRIMARY KEY, text TEXT UNIQUE);
            CREATE TABLE element (id INTEGER PRIMARY KEY, path INTEGER, content BLOB, digest BLOB UNIQUE);
            CREATE TABLE holding (id INTEGER PRIMARY KEY, source INTEGER, element INTEGER, path INTEGER, since INTEGER,
                until INTEGER);
            CREATE UNIQUE INDEX holding_open ON holding (source, path) WHERE until IS NULL;
            CREATE INDEX holding_element ON holding (element);
            """
        )
        self.ids: dict[bytes, tuple[int, int]] = {}

    def commit(self, group: list[tuple[int, PreparedSection]], revision: int) -> None:
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        fresh = {e.digest: e for _, s in group for e in s.elements.values() if e.digest not in self.ids}
        db.executemany("INSERT OR IGNORE INTO path (text) VALUES (?)", [(e.path,) for e in fresh.values()])
        rows = [(e.path, e.content, e.digest) for _, e in sorted(fresh.items())]
        insert = "INSERT OR IGNORE INTO element (path, content, digest)"
        db.executemany(f"{insert} VALUES ((SELECT id FROM path WHERE text = ?), ?, ?)", rows)
        for digest in fresh:
            self.ids[digest] = db.execute("SELECT path, id FROM element WHERE digest = ?", (digest,)).fetchone()
        for host, prepared in group:
            held = {
                path: (row, element)
                for row, path, element in db.execute(
                    "SELECT id, path, element FROM holding WHERE source = ? AND until IS NULL", (host,)
                )
            }
            now = dict(self.ids[element.digest] for element in prepared.elements.values())
            gone = [(revision, held[path][0]) for path in held if now.get(path) != held[path][1]]
            new = [(host, i, path, revision) for path, i in now.items() if path not in held or held[path][1] != i]
            db.executemany("UPDATE holding SET until = ? WHERE id = ?", gone)
            db.executemany("INSERT INTO holding (source, element, path, since) VALUES (?, ?, ?, ?)", new)
        db.execute("COMMIT")


class Real:
    """The record, through `Ingest`."""

    def __init__(self, path: Path) -> None:
        url = f"sqlite:///{path}"
        migrate(url)
        self.database = Database(url)
        self.ingest = Ingest(self.database)
        with self.database.write() as session:
            rows = [Source(uid=str(uuid4()), hostname=f"host{n}", enrolled_ms=1) for n in range(HOSTS)]
            session.add_all(rows)
            session.flush()
            self.ids = [row.id for row in rows]
        self.tokens = [b""] * HOSTS

    def commit(self, group: list[tuple[int, PreparedSection]], revision: int) -> None:
        now = now_ms()
        reports = [
            Report(
                source_id=self.ids[host],
                epoch="benchmark",
                sequence=revision,
                continuation=self.tokens[host],
                digest=prepared.digest,
                received_ms=now,
                sent_ms=now,
                agent_version="0.1.0",
                sections=(prepared,),
            )
            for host, prepared in group
        ]
        for (host, _), result in zip(group, self.ingest.commit(reports), strict=True):
            assert not isinstance(result, Exception), result
            self.tokens[host] = result.continuation


def bench_ingest(directory: Path) -> None:
    first = [section(host, "1.0") for host in range(HOSTS)]
    changed = [section(host, "2.0") for host in range(HOSTS)]
    again = [section(host, "3.0") for host in range(HOSTS)]
    prepared = [
        [[(h, prepare_section(s)) for h, s in group] for group in batches(kind)] for kind in (first, changed, again)
    ]
    floor, real = Floor(directory / "floor.db"), Real(directory / "real.db")
    rates: dict[str, tuple[float, float]] = {}
    for number, name in enumerate(("first inventories", "changed ones")):
        bare = per_second(lambda n=number: [floor.commit(g, n + 1) for g in prepared[n]], HOSTS)
        ours = per_second(lambda n=number: [real.commit(g, n + 1) for g in prepared[n]], HOSTS)
        rates[name] = (bare, ours)
        if number == 0:
            sizes = [size(directory / name) / HOSTS for name in ("floor.db", "real.db")]

    def whole() -> None:
        for group in batches(again):
            real.commit([(host, prepare_section(part)) for host, part in group], 3)

    from_wire = per_second(whole, HOSTS)
    for name, (bare, ours) in rates.items():
        print(f"{name:<18} commit: {ours:7.0f}/s, floor {bare:7.0f}/s, ratio {ours / bare:.2f}")
    ratio = from_wire / rates["changed ones"][0]
    print(f"changed ones       from the wire's bytes, one thread: {from_wire:.0f}/s, ratio {ratio:.2f}")
    print(f"bytes a host       {sizes[1] / 1000:.1f} kB, floor {sizes[0] / 1000:.1f} kB")
    unchanged = per_second(lambda: [prepare_section(s) for s in first], HOSTS)
    print(f"prepare_section    {1000 / unchanged:.2f} ms for {PACKAGES} packages")
    real.database.close()
    floor.db.close()


def size(path: Path) -> int:
    """Size of a database after its log is folded in."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, page = db.execute("PRAGMA page_count").fetchone()[0], db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    return int(pages) * int(page)


def key_and_chain(directory: Path, port: int, token: str, root: bytes) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    der = csr.public_bytes(serialization.Encoding.DER)
    with grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(root), TARGET) as channel:
        reply = EnrolmentStub(channel).Enroll(pb.EnrollRequest(join_token=token, csr=der), timeout=10)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, reply.certificate_chain


def utilization(minute: int) -> UtilizationBatch:
    batch = UtilizationBatch()
    for number in range(30):
        batch.series.add(
            metric="system.disk.io", instance=f"sd{number}", unit="By/s", minutes=[minute], min=[100 + number],
            mean=[5000 + number], max=[90_000 + number], last=[7000 + number],
        )  # fmt: skip
    return batch


class Caller:
    """One agent with a connection of its own."""

    def __init__(self, port: int, root: bytes, key: bytes, chain: bytes) -> None:
        credentials = grpc.ssl_channel_credentials(root, key, chain)
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{port}", credentials, (*TARGET, ("grpc.use_local_subchannel_pool", 1))
        )
        self.epoch, self.sequence, self.continuation = uuid4().hex, 0, b""
        self.echo = self.channel.unary_unary("/bench/Echo")

    def request(self) -> pb.SubmitUtilizationRequest:
        self.sequence += 1
        stamp = pb.Stamp(
            epoch=self.epoch,
            sequence=self.sequence,
            continuation=self.continuation,
            sent_at_ms=now_ms(),
            agent_version="0",
        )
        return pb.SubmitUtilizationRequest(stamp=stamp, batch=utilization(now_ms() // 60_000))

    def submit(self) -> None:
        for _ in range(CALLS):
            reply = CollectorStub(self.channel).SubmitUtilization(self.request(), timeout=30)
            self.continuation = reply.receipt.continuation

    def echoes(self) -> None:
        for _ in range(CALLS):
            self.echo(self.request().SerializeToString(), timeout=30)


def calls_per_second(
    port: int, root: bytes, identities: list[tuple[bytes, bytes]], method: Callable[[Caller], None]
) -> float:
    callers = [Caller(port, root, *identity) for identity in identities]
    for caller in callers:
        grpc.channel_ready_future(caller.channel).result(10)
    with ThreadPoolExecutor(len(callers)) as pool:
        rate = per_second(lambda: list(pool.map(method, callers)), len(callers) * CALLS)  # type: ignore[arg-type, return-value]
    for caller in callers:
        caller.channel.close()
    return rate


def bench_calls(directory: Path) -> None:
    data, url = directory / "collector", f"sqlite:///{directory}/calls.db"
    listen = [f"--{name}-listen=127.0.0.1:0" for name in ("enrol", "report", "metrics")]
    command = [sys.executable, "-m", "driftline_collector.main", "run", "--database", url, "--data", str(data), *listen]
    collector = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not (data / "ports.json").exists():
            time.sleep(0.05)
        ports, root = json.loads((data / "ports.json").read_text()), (data / "root.pem").read_bytes()
        database = Database(url)
        with database.write() as session:
            row, secret = sources.create_join_token(session, "bench", CALLERS, now_ms() + 600_000, now_ms())
            token = str(TokenText(row.id, secret, fingerprint(x509.load_pem_x509_certificate(root))))
        database.close()
        identities = [key_and_chain(directory, ports["enrol"], token, root) for _ in range(CALLERS)]
        ours = calls_per_second(ports["report"], root, identities, Caller.submit)
    finally:
        collector.terminate()
        collector.wait(10)
    echo = subprocess.Popen([sys.executable, __file__, "echo", str(data)], stdout=subprocess.PIPE, text=True)
    try:
        assert echo.stdout is not None
        bare = calls_per_second(int(echo.stdout.readline()), root, identities, Caller.echoes)
    finally:
        echo.terminate()
        echo.wait(10)
    print(f"SubmitUtilization  {ours:7.0f} calls/s, bare echo {bare:7.0f}/s, ratio {ours / bare:.2f}")


def serve_echo(data: Path) -> None:
    """Serve a bare echo until terminated; prints its port."""
    authority = Authority(data, [])
    server = grpc.server(ThreadPoolExecutor(64))
    handler = grpc.unary_unary_rpc_method_handler(lambda content, context: content)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench", {"Echo": handler}),))
    credentials = grpc.ssl_server_credentials([authority.server_pair()], authority.root_pem, require_client_auth=True)
    print(server.add_secure_port("127.0.0.1:0", credentials), flush=True)
    server.start()
    server.wait_for_termination()


def main() -> None:
    if sys.argv[1:2] == ["echo"]:
        serve_echo(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        bench_ingest(Path(name))
        bench_calls(Path(name))


if __name__ == "__main__":
    main()

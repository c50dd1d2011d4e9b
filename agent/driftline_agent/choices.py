"""What a host's own configuration says of single topics, besides the watch list of files."""

from dataclasses import dataclass

#: Where certificates are looked for.
CERTIFICATES_ROOTS = (
    "/etc/apache2",
    "/etc/cockpit/ws-certs.d",
    "/etc/docker/certs.d",
    "/etc/dovecot",
    "/etc/exim4",
    "/etc/haproxy",
    "/etc/httpd",
    "/etc/ipsec.d",
    "/etc/kubernetes/pki",
    "/etc/ldap",
    "/etc/letsencrypt/live",
    "/etc/lighttpd",
    "/etc/mysql",
    "/etc/nginx",
    "/etc/openldap",
    "/etc/openvpn",
    "/etc/pki",
    "/etc/postfix",
    "/etc/postgresql",
    "/etc/puppetlabs/puppet/ssl/certs",
    "/etc/rabbitmq",
    "/etc/ssl",
    "/etc/swanctl",
)
#: Where facts of the administrator's own stand.
CUSTOM_FOLDERS = ("/etc/driftline/facts.d",)
#: Folders below which environments of Python are looked for; ``*`` in a last name stands for the rest of it.
PYTHON_ROOTS = ("/usr/lib/python3*", "/usr/lib64/python3*", "/usr/local/lib", "/usr/local/lib64", "/opt", "/srv")
#: Sockets of container engines where those put them.
CONTAINER_SOCKETS = ("/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock")


@dataclass(frozen=True, slots=True)
class Choices:
    """What topics read where the configuration says so."""

    #: Folders that certificates are looked for in.
    certificates_roots: tuple[str, ...] = CERTIFICATES_ROOTS
    #: Folders with custom facts; none where they are off.
    custom_folders: tuple[str, ...] = ()
    #: Folders below which environments of Python are looked for.
    python_roots: tuple[str, ...] = PYTHON_ROOTS
    #: Sockets of container engines; none unless the configuration allows it: who may ask there can become root.
    container_sockets: tuple[str, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Choices:
    """What topics read where the configuration says so."""

    #: Folders that certificates are looked for in.
    certificates_roots: tuple[str, ...] = CERTIFICATES_ROOTS
    #: Folders with custom facts; none where they are off.
    custom_folders: tuple[str, ...] = ()

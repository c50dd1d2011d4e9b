"""What agent and reader say to each other, over a unix stream socket: one request, one answer, again.

A request is an operation, the length of a path and the path. An answer is a status, a length and as many bytes:
the content; an errno in decimal; or nothing, where the reader does not do that. After anything else the connection is
closed.
"""

import struct

#: A file's content.
READ = 1
#: A symbolic link's target.
LINK = 2
#: Of a folder /proc/PID/fd: the targets of links to sockets, each ended by a NUL.
SOCKETS = 3
#: Of a shadow(5) file: what :func:`driftline_agent.reader.shadow.seal_lines` makes of it.
SHADOW = 4
#: Of a folder: its entries, as :mod:`driftline_agent.reader.listing` packs them.
FOLDER = 5
#: Of a file: the SHA-256 of its content, sealed unless :mod:`driftline_agent.reader.confidential` says otherwise.
DIGEST = 6
#: Of a file /proc/PID/maps: programs and libraries that are mapped and gone, each ended by a NUL.
MAPPED = 7
#: Of a file: its digest as DIGEST tells it, and its text without secrets, see ``server.text_of``.
#: Of a closed file only where :mod:`driftline_agent.reader.confidential` or the local configuration says so.
TEXT = 8
#: Of a table of cron: its lines without secrets, as :mod:`driftline_agent.reader.crontab` packs them.
CRONTAB = 16
#: Of a shadow(5) file: how old passwords may get, see :mod:`driftline_agent.reader.ageing`.
AGEING = 17
#: Of a gshadow(5) file: who may change the groups, see :mod:`driftline_agent.reader.ageing`.
GROUPS = 18
#: Of a passwd(5) file: the keys that open its users' accounts, as :mod:`driftline_agent.reader.homes` packs them.
KEYS = 19
#: Of a file below the files' roots: the certificates in it, as :func:`driftline_agent.reader.public.only` leaves them.
CERTIFICATES = 20
OPERATIONS = (
    READ,
    LINK,
    SOCKETS,
    SHADOW,
    FOLDER,
    DIGEST,
    MAPPED,
    TEXT,
    CRONTAB,
    AGEING,
    GROUPS,
    KEYS,
    CERTIFICATES,
)

DONE, FAILED, REFUSED = 0, 1, 2

#: Operation, length of the path.
REQUEST = struct.Struct("<BH")
#: Status, length of what follows.
ANSWER = struct.Struct("<BI")
MAX_PATH = 4096
#: Nothing on the allow list is larger; what is, fails with EFBIG.
MAX_CONTENT = 1 << 20

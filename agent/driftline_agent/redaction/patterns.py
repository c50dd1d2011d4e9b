"""Secrets that are known by their own looks or by what stands around them, as data.

Each pattern's group ``s`` is the secret; without one, the whole match is. Patterns run over a whole text.
"""

import re

_M = re.MULTILINE
_X = re.MULTILINE | re.IGNORECASE

#: PEM blocks that everyone may see.
PUBLIC_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>(?:TRUSTED |X509 |NEW )?CERTIFICATE(?: REQUEST)?|(?:RSA |SSH2? )?PUBLIC KEY|X509 CRL|DH PARAMETERS"
    r"|X9\.42 DH PARAMETERS|EC PARAMETERS|DSA PARAMETERS|PGP PUBLIC KEY BLOCK|PGP SIGNATURE|PGP SIGNED MESSAGE|PKCS7|CMS)-----"
    r".*?-----END (?P=kind)-----",
    re.DOTALL,
)
BEGIN = re.compile(r"-{4,5} ?BEGIN (?P<kind>[A-Za-z0-9 .]+?) ?-{4,5}")
END = r"-{4,5} ?END %s ?-{4,5}"

#: Blocks of several lines. A block that begins and does not end takes the whole rest with it.
BLOCKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "OpenVPN inline",
        re.compile(
            r"<(?P<k>auth-user-pass|secret|tls-auth|tls-crypt(?:-v2)?|key|pkcs12|http-proxy-user-pass)>\s*\n(?P<s>.*?)(?:\s*</(?P=k)>|\Z)",
            re.DOTALL,
        ),
    ),
    ("PuTTY key", re.compile(r"^Private-Lines: \d+\n(?P<s>(?:[^\n]*(?:\n|\Z))+?)(?=^\S+:|\Z)", _M)),
    ("PuTTY MAC", re.compile(r"^Private-(?:MAC|Hash): *(?P<s>\S+)", _M)),
    ("Ansible vault", re.compile(r"^[ \t]*\$ANSIBLE_VAULT;[^\n]*\n(?P<s>(?:[ \t]*[0-9a-fA-F]+[ \t]*(?:\n|\Z))+)", _M)),
    (
        "BIND private key",
        re.compile(
            r"^(?:Modulus|PublicExponent|PrivateExponent|Prime[12]|Exponent[12]|Coefficient|PrivateKey|Key|Bits|Secret\(x\)):[ \t]*"
            r"(?P<s>[A-Za-z0-9+/=]{8,})\s*$",
            _M,
        ),
    ),
    ("uuencoded", re.compile(r"^begin(?:-base64)? \d{3,4} \S+\n(?P<s>.*?)(?:^(?:end|====)$|\Z)", re.DOTALL | _M)),
    (
        "base64 lines",
        re.compile(
            r"(?:^[ \t]*[\"']?[A-Za-z0-9+/]{56,}[\"']?[,\\]?[ \t]*\n){2,}[ \t]*[\"']?[A-Za-z0-9+/]*={0,2}[\"']?", _M
        ),
    ),
    ("hexadecimal lines", re.compile(r"(?:^[ \t]*(?:[0-9a-fA-F]{2}[ :]?){16,}[ \t]*\n){2,}", _M)),
)

#: Tokens by their makers' prefixes.
TOKENS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "AWS access key",
        re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}\b"),
    ),
    ("GitHub", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|v1\.[0-9a-f]{40})")),
    ("GitLab", re.compile(r"\b(?:gl(?:pat|rt|dt|cbt|ptt|ft|soat|agent|imt|oas|ffct)|GR1348941)-?[\w.-]{16,}")),
    ("Slack", re.compile(r"\bx(?:ox[a-z]|app)-[\w.-]{8,}")),
    ("Slack webhook", re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[\w/-]+)")),
    ("Discord webhook", re.compile(r"discord(?:app)?\.com/api/webhooks/(?P<s>[\w/-]+)")),
    ("Teams webhook", re.compile(r"webhook\.office\.com/(?P<s>[\w@/.-]+)")),
    ("chat webhook", re.compile(r"/(?:hooks|webhooks?|api/v\d/hooks)/(?P<s>[\w/-]{16,})")),
    ("Telegram", re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}")),
    ("Stripe", re.compile(r"\b(?:(?:sk|rk|pk)_(?:live|test)_\w{8,}|whsec_[\w+/=-]{8,})")),
    ("OpenAI and kin", re.compile(r"\b(?:sk|rk|pk|ak|org|sess)-(?:[a-z]{2,6}-)*[A-Za-z0-9_-]{20,}")),
    ("SendGrid", re.compile(r"\bSG\.[\w-]{8,}(?:\.[\w-]{8,})?")),
    ("Mailgun", re.compile(r"\b(?:key|pubkey)-[0-9a-f]{20,}|\b[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b")),
    ("Mailchimp", re.compile(r"\b[0-9a-f]{32}-us\d{1,2}\b")),
    ("Google", re.compile(r"\b(?:AIza[\w-]{20,}|ya29\.[\w.-]{10,}|1//0[\w-]{20,}|GOCSPX-[\w-]{10,})")),
    (
        "packages",
        re.compile(
            r"\b(?:npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,}|rubygems_[0-9a-f]{20,}|oy2[a-z0-9]{43}|cio[A-Za-z0-9]{32})"
        ),
    ),
    (
        "clouds",
        re.compile(
            r"\b(?:do[opr]_v1_[0-9a-f]{16,}|tskey-[\w-]{8,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}|sq0[a-z]{3}-[\w-]{16,}|dapi[0-9a-f]{20,}"
            r"|NRAK-[A-Z0-9]{16,}|NRII-[\w-]{16,}|PMAK-[\w-]{16,}|ATATT3[\w=-]{16,}|ATBB\w{16,}|lin_api_\w{16,}|EAA[A-Za-z0-9]{20,}|figd_[\w-]{16,}"
            r"|hf_[A-Za-z0-9]{16,}|nfp_\w{16,}|sbp_[0-9a-f]{16,}|pscale_\w{16,}|dckr_pat_[\w-]{8,}|glsa_\w{16,}|glc_[\w+/=-]{16,}|sntrys_[\w+/=-]{16,}"
            r"|CFPAT-[\w-]{16,}|r8_\w{16,}|xai-\w{16,}|gsk_\w{16,}|tk-us-[\w-]{16,}|PRIVATE-[A-Z0-9-]{16,}|ops_eyJ[\w-]+|fo1_[\w-]{16,}|FlyV1 \S+)"
        ),
    ),
    ("Vault", re.compile(r"\bhv[sbr]\.[\w-]{12,}|(?<![\w.])[sbr]\.[A-Za-z0-9]{24}\b|\bvault:v\d:\S+")),
    ("JWT", re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*){0,4}")),
    ("kubeadm", re.compile(r"(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])")),
    ("age", re.compile(r"AGE-(?:SECRET|PLUGIN)-[A-Z0-9-]+", re.IGNORECASE)),
    ("encrypted value", re.compile(r"\bENC[\[(][^\])\n]*[\])]?|\{(?:AQA|cipher|aes|enc)[^}\n]*\}\S*|\bAQICAH[\w+/=]+")),
    ("k8s service account", re.compile(r"\bK10[0-9a-f]{32,}::[\w:]+")),
    (
        "crypt hash",
        re.compile(
            r"\$(?:0|1|2[abxy]?|3|5|6|7|8|9|14|y|gy|md5|sha1|apr1|pbkdf2[\w-]*|scrypt|argon2\w*|P|H|S|bcrypt[\w-]*|ml|nt|SHA|A\$0\d{2})\$"
            r"[^\s\"'<>]+"
        ),
    ),
    (
        "salted LDAP hash",
        re.compile(
            r"\{(?:S?SHA\d*|S?MD5|SMD5|CRYPT|PBKDF2|ARGON2\w*|PLAIN|CLEARTEXT|CLEAR|CRAM|HMAC|BLF|LANMAN|NTLM?|DIGEST|SCRAM|KERBEROS|SASL|noop|bcrypt"
            r"|scrypt|sha256|ssha\d*|md5|base64|hex|RES|xor|x-\w+)[-\w./]*\}[^\s\"'<>,;]+",
            re.IGNORECASE,
        ),
    ),
    ("GRUB", re.compile(r"\bgrub\.pbkdf2\.\S+")),
    ("SCRAM", re.compile(r"\bSCRAM-SHA-\d+\$\d+:\S+")),
    ("PostgreSQL md5", re.compile(r"\bmd5[0-9a-f]{32}\b")),
    ("MySQL hash", re.compile(r"\*[0-9A-F]{40}\b")),
    ("hexadecimal key", re.compile(r"(?<![0-9A-Za-z])0[xs][0-9A-Za-z+/]{16,}={0,2}")),
    (
        "Werkzeug and kin",
        re.compile(
            r"\b(?:pbkdf2|scrypt|sha\d+|argon2\w*|bcrypt_?\w*):[\w:]*\$\S+|\bpbkdf2_sha\d+\$\S+|\bbcrypt_sha\d+\$\S+"
        ),
    ),
    ("base64 of bcrypt", re.compile(r"\bJDJ[abxy]J[A-Za-z0-9+/=]+|\bJ(?:DY|DU|DE|Hk)k[A-Za-z0-9+/=]{20,}")),
    ("base64 of PEM", re.compile(r"\bLS0tLS1CRUdJT[A-Za-z0-9+/=\s]+?(?=[^A-Za-z0-9+/=\s]|\n\S*[:\s]|\Z)")),
    ("base64 of DER key", re.compile(r"\bMI[IGHE][A-Za-z0-9+/]{38,}={0,2}")),
    ("Java keystore in base64", re.compile(r"/u3\+7Q[A-Za-z0-9+/=\s]+")),
)

_OPT = r"(?:[ \t=]+|(?<=\w))"
_ARG = r"(?:\"(?P<s>[^\"\n]+)\"|'(?P<t>[^'\n]+)'|(?P<u>[^\s\"';|&)`]+))"
_RUN = r"\b(?:%s)\b[^\n|;]*?[ \t]"

#: What stands on a command line, in a URL, in SQL, in one line of one program's configuration.
PLACES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("URL", re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*:(?:\\?/){2}[^\s/?#\"'<>:@]*:(?P<s>[^\s\"'<>]+)@(?=[\w.\[$({%/,-])")),
    ("URL, token as user", re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://(?P<s>[^\s/?#\"'<>:@$]{12,})@(?=[\w.\[])")),
    (
        "URL parameter",
        re.compile(
            r"[?&;](?:amp;)?(?:\w*(?:pass\w*|pwd|token|secret|key|sig|signature|auth|code|credential|session|sid|access)\w*)="
            r"(?P<s>[^&\s\"'<>#]{3,})",
            re.IGNORECASE,
        ),
    ),
    ("JDBC, Oracle", re.compile(r"\bjdbc:oracle:\w+:[^/\s\"']+/(?P<s>[^@\s\"']+)@")),
    ("Oracle", re.compile(r"\b(?:sqlplus|sqlldr|imp|exp|impdp|expdp|rman|tnsping)\b[^\n]*?\b\w+/(?P<s>[^@\s\"'/]+)@?")),
    (
        "header",
        re.compile(
            r"\b(?:Proxy-)?Authorization[\"']?\s*[:=,]?\s*[\"']?\s*(?:[A-Za-z0-9-]+\s+)?(?P<s>[^\s\"'\\;]{4,})", _X
        ),
    ),
    (
        "header",
        re.compile(
            r"\b(?:X-(?:\w+-){0,4}(?:Api)?(?:Key|Token|Secret|Auth|Password)[\w-]*|Private-Token|Job-Token|Cookie|Set-Cookie)[\"']?\s*[:=,\s]\s*[\"']?"
            r"(?P<s>[^\n\"']{4,})",
            _X,
        ),
    ),
    (
        "scheme",
        re.compile(
            r"\b(?:Bearer|Basic|Digest|ApiKey|Token|Negotiate|NTLM|Hawk|GenieKey|SSWS)[ \t]+(?P<s>(?=[^\s\"']*[0-9=+/_.A-Z])[A-Za-z0-9+/=_.~-]{8,})"
        ),
    ),
    (
        "curl",
        re.compile(
            _RUN % "curl|wget|http|https|lftp|ab|siege|svn|cadaver|nuget|twine|helm"
            + r"(?:-u|--user|--proxy-user|-U|--login|-a|--auth)"
            + _OPT
            + r"[\"']?[^\s:,\"'%]+[:,](?P<s>[^\s\"']+)"
        ),
    ),
    (
        "mysql",
        re.compile(
            _RUN % r"mysql\w*|mariadb[\w-]*|mydumper|myloader|xtrabackup|innobackupex|mycli|percona\S*|pt-\S+"
            + r"-p"
            + _ARG
        ),
    ),
    ("sshpass", re.compile(_RUN % "sshpass|plink|pscp|psftp" + r"(?:-p|-pw)" + _OPT + _ARG)),
    ("redis", re.compile(_RUN % "redis-cli|valkey-cli|redis-benchmark" + r"-a" + _OPT + _ARG)),
    ("ldap", re.compile(_RUN % r"ldap\w+" + r"-[wsa]" + _OPT + _ARG)),
    (
        "-P",
        re.compile(
            _RUN % "ipmitool|zip|unzip|sqlcmd|isql|bcp|mosquitto_\\w+|vncviewer|net|rpcclient|fping|sqsh|cqlsh|osql"
            + r"-P"
            + _OPT
            + _ARG
        ),
    ),
    (
        "-p",
        re.compile(
            _RUN
            % r"mongo\w*|docker|podman|skopeo|buildah|useradd|usermod|az|cqlsh|influx|clickhouse\S*|7z\w*|rar|unrar|odbcinst|lpass|bw|htpasswd|xfreerdp|rdesktop"
            r"|arangosh|nomad|oc|rabbitmqadmin|ncrack|medusa|check_\w+" + r"(?:-p|/p:|--pass)" + _OPT + _ARG
        ),
    ),
    ("snmp", re.compile(_RUN % r"snmp\w+|check_snmp\S*" + r"-[cAXCP]" + _OPT + _ARG)),
    ("smb", re.compile(r"[ \t]-U[ \t=]*[\"']?[^\s%\"']+%(?P<s>[^\s\"']+)")),
    ("smb", re.compile(r"--user(?:name)?[ \t=]+[\"']?[^\s%\"']+%(?P<s>[^\s\"']+)")),
    ("openssl", re.compile(r"\b(?:pass|-k|-K):?(?<=:)(?P<s>[^\s\"']+)|\bopenssl\b[^\n|;]*?[ \t]-[kK][ \t]+(?P<t>\S+)")),
    (
        "htpasswd -b",
        re.compile(
            r"\bhtpasswd\b[ \t]+-\w*b\w*[ \t]+\S+[ \t]+\S+[ \t]+(?P<s>\S+)|\bhtpasswd\b[ \t]+-n\w*b\w*[ \t]+\S+[ \t]+(?P<t>\S+)"
        ),
    ),
    (
        "chpasswd",
        re.compile(r"\b(?:echo|printf)\b[^\n|]*?[\"' \t][\w.$@{}-]+:(?P<s>[^\s\"'|]+)[\"']?[^\n|]*\|[^\n]*\bchpasswd"),
    ),
    ("chpasswd", re.compile(r"\bchpasswd\b[^\n]*<<<[ \t]*[\"']?[^:\n]+:(?P<s>[^\s\"']+)")),
    (
        "piped password",
        re.compile(
            r"\b(?:echo|printf)\b(?:[ \t]+-\w+)*[ \t]+(?P<s>[^\n|]+?)[ \t]*\|[^\n|]*(?:--password-stdin|--passphrase-fd|sudo[ \t]+-\w*S|\bpasswd\b"
            r"|cryptsetup|\bkinit\b|-passin[ \t]+stdin|--stdin\b|smbpasswd)"
        ),
    ),
    (
        "here-string",
        re.compile(r"(?:cryptsetup|kinit|passwd|--password-stdin|gpg|openssl|sudo)\b[^\n]*<<<[ \t]*(?P<s>[^\n]+)"),
    ),
    (
        "expect",
        re.compile(
            r"(?:expect|assword|ssphrase)[^\n]*\n(?:[^\n]*\n){0,2}?[ \t]*send(?:_user)?[ \t]+(?:--[ \t]+)?[\"{](?P<s>[^\"}\n]*)[\"}]",
            _X,
        ),
    ),
    (
        "SQL",
        re.compile(
            r"\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?(?:BY|AS|VIA)\s+(?:PASSWORD\s+|VALUES\s+)?[\"'](?P<s>(?:[^\"'\n]|'')*)[\"']",
            re.IGNORECASE,
        ),
    ),
    ("SQL", re.compile(r"\bIDENTIFIED\s+BY\s+(?P<s>[^\s\"';]+)", re.IGNORECASE)),
    (
        "SQL",
        re.compile(
            r"\b(?:AES_ENCRYPT|AES_DECRYPT|ENCODE|DECODE|PASSWORD|pgp_sym_\w+|crypt|DES_ENCRYPT)\s*\([^\n)]*?[\"'](?P<s>[^\"'\n]+)[\"'](?:\s*\))",
            re.IGNORECASE,
        ),
    ),
    (
        "connect()",
        re.compile(
            r"\b(?:mysqli?(?:_p?connect|_real_connect)?|pg_connect|new[ \t]+(?:PDO|mysqli|Redis\w*|MongoClient)|DBI->connect|ldap_bind|ftp_login|imap_open|oci_connect"
            r"|sqlsrv_connect|odbc_connect|ssh2_auth_password|(?:smtp|ftp|imap|server|client|conn|session|s|m)\.login)\s*\(\s*[^\n()]*?,\s*[^\n,()]*,?\s*[\"'](?P<s>[^\"'\n]+)[\"']"
        ),
    ),
    (
        "login()",
        re.compile(
            r"\.(?:login|auth|authenticate|set_auth|basic_auth|setCredentials|HTTPBasicAuth)\(\s*[^\n,()]+,\s*[\"'](?P<s>[^\"'\n]+)[\"']|HTTPBasicAuth\([^\n,]+,\s*[\"'](?P<t>[^\"'\n]+)[\"']"
        ),
    ),
    ("requests", re.compile(r"\bauth[\"']?\s*[=:]\s*[(\[]\s*[^,\n]+,\s*[\"'](?P<s>[^\"'\n]+)[\"']")),
    ("Oracle", re.compile(r"^[ \t]*conn(?:ect)?[ \t]+\w+/(?P<s>\S+?)(?:@|$|[ \t])", _X)),
    ("user:password@host", re.compile(r"(?<![\w/])[\w.%+-]+:(?P<s>[^\s/@:\"']{3,})@[\w-]+(?:\.[\w-]+)+")),
    ("nginx", re.compile(r"\bsecure_link_md5[ \t]+(?P<s>\"[^\"\n]+\"|[^\s;]+)")),
    (
        "upsmon",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?MONITOR[ \t]+\S+[ \t]+\S+[ \t]+\S+[ \t]+(?P<s>\S+)[ \t]+(?:primary|secondary|master|slave)",
            _X,
        ),
    ),
    (
        "DBI",
        re.compile(r"DBI:\w+:[^'\"\n]*['\"]\s*,\s*['\"][^'\"\n]*['\"]\s*,\s*['\"](?P<s>[^'\"\n]+)['\"]", re.IGNORECASE),
    ),
    # SNMP
    ("snmpd", re.compile(r"^[ \t]*(?:#[ \t]*)?(?:r[ow])?community6?[ \t]+(?P<s>\"[^\"\n]+\"|\S+)", _X)),
    (
        "snmpd",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?com2sec(?:6|unix)?[ \t]+(?:-Cn[ \t]+\S+[ \t]+)?\S+[ \t]+\S+[ \t]+(?P<s>\S+)", _X
        ),
    ),
    ("snmpd", re.compile(r"^[ \t]*(?:#[ \t]*)?(?:trapsink|trap2sink|informsink)[ \t]+\S+[ \t]+(?P<s>\S+)", _X)),
    (
        "snmpd",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?(?:trapsess|proxy|pass_persist|monitor)[ \t]+[^\n]*?-[cAX][ \t]*(?P<s>\S+)", _X
        ),
    ),
    ("snmpd", re.compile(r"^[ \t]*(?:#[ \t]*)?(?:trapcommunity|authcommunity[ \t]+\S+)[ \t]+(?P<s>\S+)", _X)),
    (
        "snmpd",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?(?:createUser|usmUser|defAuthPassphrase|defPrivPassphrase|defPassphrase|defCommunity)[ \t]+(?:-e[ \t]+\S+[ \t]+)?\S*[ \t]*(?P<s>[^\n]+)",
            _X,
        ),
    ),
    (
        "snmp-server",
        re.compile(
            r"\bsnmp-server[ \t]+(?:community|host[ \t]+\S+(?:[ \t]+(?:traps|informs))?(?:[ \t]+version[ \t]+\S+)?(?:[ \t]+(?:noauth|auth|priv))?)[ \t]+(?P<s>\S+)",
            _X,
        ),
    ),
    (
        "snmp-server",
        re.compile(
            r"\bsnmp-server[ \t]+user[ \t]+[^\n]*?\b(?:auth|priv)[ \t]+\S+(?:[ \t]+\d+)?[ \t]+(?P<s>[^\n]+)", _X
        ),
    ),
    # network devices, routing daemons
    (
        "cisco",
        re.compile(
            r"\b(?:password|secret|key|key-string|md5|authentication-key|pre-shared-key|passphrase)[ \t]+(?:[05789][ \t]+|encrypted[ \t]+|ascii-text[ \t]+|hexadecimal[ \t]+|hex[ \t]+|ascii[ \t]+\d?[ \t]*)(?P<s>[^\s;]+)",
            _X,
        ),
    ),
    (
        "cisco",
        re.compile(
            r"\b(?:tacacs-server|radius-server|isakmp|server-private|radius|tacacs)\b[^\n]*?\bkey[ \t]+(?:\d[ \t]+)?(?P<s>\S+)",
            _X,
        ),
    ),
    (
        "cisco",
        re.compile(
            r"\b(?:message-digest-key|authentication-key|digest-key)[ \t]+\d+[ \t]+\w+[ \t]+(?:\d[ \t]+)?(?P<s>\S+)", _X
        ),
    ),
    (
        "cisco",
        re.compile(
            r"\b(?:hmac-sha[\w-]*|auth(?:entication)?[ \t]+(?:md5|sha\d*|hmac[\w-]*)|priv(?:acy)?[ \t]+(?:des|3des|aes\d*)(?:[ \t]+\d+)?|standby[ \t]+\d+[ \t]+authentication|authentication[ \t]+(?:string|text|key))[ \t]+(?P<s>[^\s;]+)",
            _X,
        ),
    ),
    ("juniper", re.compile(r"\"(?P<s>[^\"\n]+)\";[ \t]*##[ \t]*SECRET-DATA")),
    # time, DNS, mail, VPN, dial-in, web, telephony
    (
        "ntp keys",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?\d+[ \t]+(?:MD5|M|SHA\d*|SHA\d+_?\d*|AES\w*|CMAC\w*|RMD\d+|RIPEMD\d*|MDC2|A|N|S)[ \t]+(?P<s>\S+)",
            _X,
        ),
    ),
    (
        "haproxy",
        re.compile(
            r"\bstats[ \t]+auth[ \t]+[^\s:]+:(?P<s>\S+)|^[ \t]*user[ \t]+\S+[ \t]+(?:insecure-)?password[ \t]+(?P<t>\S+)",
            _X,
        ),
    ),
    ("squid", re.compile(r"\blogin=[^:\s]+:(?P<s>\S+)", _X)),
    (
        "postfix sasl",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?(?:\[[\w.:-]+\](?::\w+)?|[\w.-]+:\d+|@?[\w-]+(?:\.[\w-]+)+|[\w.+-]+@[\w.-]+)[ \t]+[^\s:/=]+:(?P<s>[^\s].*)$",
            _M,
        ),
    ),
    (
        "ipsec.secrets",
        re.compile(
            r"(?:^|[\s\w\"]):[ \t]*(?:PSK|RSA|ECDSA|BLISS|PKCS8|P12|PKCS12|EAP|XAUTH|NTLM|PIN|PPK)\b[ \t]*(?P<s>[^\n]+)"
        ),
    ),
    (
        "chap-secrets",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?(?:\"[^\"\n]+\"|\S+)[ \t]+\*[ \t]+(?P<s>\"[^\"\n]+\"|\S+)(?:[ \t]+(?:\*|[\d./]+))?[ \t]*$",
            _M,
        ),
    ),
    ("pgpass", re.compile(r"^#?[^:\s#/]+:(?:\d{2,5}|\*):[^:\s/]+:[^:\s/]+:(?P<s>[^\n]+)$", _M)),
    (
        "netrc",
        re.compile(
            r"\b(?:login|machine|user(?:name)?)[ \t]+\S+\s+(?:account\s+\S+\s+)?(?:password|passwd|account)\s+(?P<s>\S+)"
        ),
    ),
    ("PIN", re.compile(r"\bpin(?:[-_ ]?code)?[\"']?[ \t]*[:=][ \t]*[\"']?(?P<s>\d{3,12})\b", _X)),
    (
        "login user:password",
        re.compile(
            r"\b(?:user(?:name)?|login|auth|credentials?|account|basic_auth|basicauth|auth-user|lt-cred-user|sasl|users?)(?:[\"']?[ \t]*=[ \t]*|[\"']?[ \t]*:[ \t]+|[\"'][ \t]*:[ \t]*)[\"']?[\w.@\\-]+:(?![/\\])(?P<s>[^\s\"',;]+)",
            _X,
        ),
    ),
    (
        "asterisk",
        re.compile(
            r"\bregister[ \t]*=>?[ \t]*[^\n:@]*:(?P<s>[^@\n]+)@|^[ \t]*\d{2,6}[ \t]*=>[ \t]*(?P<t>-?[\w*#]{3,})[ \t]*,",
            _X,
        ),
    ),
    (
        "tac_plus",
        re.compile(
            r"\b(?:login|enable|pap|chap|opap|arap|ms-?chap|global|password)[ \t]*=[ \t]*(?:cleartext|clear|des|crypt|mschap|\d)[ \t]+(?P<s>\"[^\"\n]+\"|[^\s;}]+)",
            _X,
        ),
    ),
    ("redis ACL", re.compile(r"^[ \t]*(?:#[ \t]*)?user[ \t]+\S+[ \t]+[^\n]*?[ \t](?P<s>[><#!][^\s]+)", _M)),
    ("nagios", re.compile(r"^\$USER\d+\$[ \t]*=[ \t]*(?P<s>(?!/)[^\n]+)", _M)),
    (
        "sip, ejabberd",
        re.compile(r"\{\s*(?:auth_password|sql_password|ldap_password|password)\s*,\s*\"(?P<s>[^\"\n]*)\""),
    ),
    (
        "proftpd",
        re.compile(
            r"^[ \t]*(?:#[ \t]*)?(?:SQLConnectInfo|SQLNamedConnectInfo|LDAPDNInfo|LDAPBindDN)[ \t]+\S+[ \t]+(?P<s>[^\n]+)",
            _X,
        ),
    ),
    ("crypt(3) field", re.compile(r"^[A-Za-z_][\w.-]*:(?P<s>[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19})(?=:|$)", _M)),
    ("htdigest", re.compile(r"^[^:\s]+:[^:\n]+:(?P<s>[0-9a-f]{32})$", _M)),
    ("smbpasswd", re.compile(r"^[^:\s]+:\d+:(?P<s>[0-9A-FX*]{32}:[0-9A-FX*]{32}):", _M)),
    (
        "mail password maps",
        re.compile(
            r"^(?![ \t]*(?:https?|ftp|ldaps?|file|tcp|udp|unix|lmtp|smtp)\b)[\w.@+-]+@[\w.-]+:(?P<s>[^:\s][^\n]*)", _M
        ),
    ),
    ("cryptsetup", re.compile(r"\bcryptsetup\b[^\n]*--key[ \t]+(?P<s>\S+)|\brd\.luks\.key=(?P<t>[^/\s]\S*)")),
    ("user/password@", re.compile(r"\b[A-Za-z]\w{1,30}/(?P<s>[^\s/@\"']{4,})@(?://)?[\w.-]+(?::\d+)?/\w+")),
    ("fstab", re.compile(r"[, \t](?:pass(?:word)?2?|credentials)=(?P<s>(?!/)[^,\s]+)", _X)),
    (
        "IRC, NickServ",
        re.compile(r"\b(?:IDENTIFY|OPER|NICKSERV|AUTH|PASS)[ \t]+(?:\w+[ \t]+)?(?P<s>(?=\S*[0-9!#$%&*@])\S{5,})"),
    ),
    ("signal", re.compile(r"\b(?:nickserv|oper|identify)[ \t]+identify[ \t]+(?P<s>\S+)", _X)),
)

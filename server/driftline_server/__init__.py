"""For people: REST API, web pages, CLI.

Each area is a package with the same file names: `api.py` (REST, a `router`), `pages.py` (HTML, a `router`) with
`templates/`, `views.py` (what both show). Areas are found by scanning this package.

Errors::

    ServerError(Exception)
    ├── NotAuthenticated(ServerError, PermissionError)   no or no valid credentials
    ├── NotAllowed(ServerError, PermissionError)         the role is missing, or a form's CSRF token is wrong
    ├── TooManyAttempts(ServerError)                     too many failed logins; says how long to wait
    └── SettingsError(ServerError, ValueError)           the server cannot start like this

What `driftline_cmdb` raises passes through; `problems.py` has the HTTP status of each.
"""

"""The errors of this room; the tree stands in the package's docstring."""


class ServerError(Exception):
    """Base of all errors of the server."""


class NotAuthenticated(ServerError, PermissionError):
    """No or no valid credentials."""


class NotAllowed(ServerError, PermissionError):
    """Who asks is known and may not do this."""


class TooManyAttempts(ServerError):
    """Too many failed logins."""

    def __init__(self, message: str, wait_s: int) -> None:
        """Keep how long to wait, s."""
        super().__init__(message)
        self.wait_s = wait_s


class SettingsError(ServerError, ValueError):
    """The server cannot start like this."""


class DeliveryError(ServerError, OSError):
    """A message that a channel did not take."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        """Keep the reason.

        :param final: another try makes no sense.
        """
        super().__init__(message)
        self.final = final

"""How long what was read of entPhysicalTable may be taken for what is there still. Pure."""

from dataclasses import dataclass

#: Where the device tells when its parts changed last, they are read anew after this time nevertheless, s.
TRUSTED_S = 6 * 3600
#: Where it does not, a table of more rows than this is read anew after this time, s, and a smaller one at every poll.
MANY_ROWS, UNTOLD_S = 500, 900


@dataclass(frozen=True, slots=True)
class Sign:
    """By what a change is told."""

    #: This host's clock, s since 1970.
    at_s: float
    #: sysUpTime and entLastChangeTime, hundredths of a second; None where the device does not say.
    uptime_ticks: int | None
    changed_ticks: int | None

    def holds(self, now: "Sign", rows: int) -> bool:
        """Tell whether a table that was read with this sign is as it was.

        entLastChangeTime is the sysUpTime of the last change: after a restart it may be the same and mean another one.
        That it is 0 means that nothing changed since the start, or that the device does not keep it.
        """
        age_s = now.at_s - self.at_s
        if age_s < 0 or self.changed_ticks != now.changed_ticks or self.restarted(now):
            return False
        if self.changed_ticks and self.uptime_ticks is not None:
            return age_s < TRUSTED_S
        return rows > MANY_ROWS and age_s < UNTOLD_S

    def restarted(self, now: "Sign") -> bool:
        """Tell whether the device's clock did not go on as ours did; also so once in 497 days, when it wraps."""
        if self.uptime_ticks is None or now.uptime_ticks is None:
            return self.uptime_ticks != now.uptime_ticks
        age_s, ran_s = now.at_s - self.at_s, (now.uptime_ticks - self.uptime_ticks) / 100
        return abs(ran_s - age_s) > 30 + age_s / 100

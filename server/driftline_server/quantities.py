"""Measured values in a form that people read."""


def size(value: float | None) -> str:
    """Return bytes for people, in binary units."""
    if value is None:
        return ""
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(amount) < 1024 or unit == "TiB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return ""


def quantity(amount: float, metric: str, unit: str) -> str:
    """Return a measured value for people.

    :param unit: UCUM, as OpenTelemetry names it: ``1``, ``By``, ``By/s``, ``{operation}/s``.
    """
    if unit == "1" and "utilization" in metric:
        return f"{amount * 100:.1f} %"
    if unit in ("By", "By/s"):
        return size(amount) + unit.removeprefix("By")
    words = unit.replace("{", "").replace("}", "")
    return f"{amount:,.2f}" + (f" {words}" if words not in ("", "1") else "")

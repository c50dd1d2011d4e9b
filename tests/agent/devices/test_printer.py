"""Printers: supplies, trays, errors, and levels that are no numbers."""

import pytest
from tests.support.tables import row, table

from driftline_agent.devices.mib import Table
from driftline_agent.devices.topics import printer

NONE = Table({})


@pytest.mark.parametrize(
    ("level", "most", "unit", "share"),
    [
        (75, 100, 19, 0.75),
        (17208, 25000, 7, 0.68832),
        (-1, 100, 19, None),
        (-2, 100, 19, None),
        (-3, 100, 19, None),
        (0, 100, 19, 0.0),
        (120, 100, 19, 1.0),
        (40, -2, 19, 0.4),
        (40, -2, 7, None),
        (40, 0, 7, None),
    ],
)
def test_levels(level: int, most: int, unit: int, share: float | None) -> None:
    said = row(prtMarkerSuppliesLevel=level, prtMarkerSuppliesMaxCapacity=most, prtMarkerSuppliesSupplyUnit=unit)
    assert printer.level(said) == share


def test_errors_are_bits_from_the_left() -> None:
    assert printer.errors(b"\x80\x00") == ["lowPaper"]
    assert printer.errors(b"\x14\x02") == ["jammed", "noToner", "overduePreventMaint"]
    assert printer.errors(b"\xff\xff\xff")[0] == "doorOpen"
    assert printer.errors(b"") == printer.errors(None) == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Black Toner;SN7F8A02", "Black Toner"),
        ("Black Toner S/N:CRUM-17062711236", "Black Toner"),
        ("Cyan Cartridge HP C9731A", "Cyan Cartridge HP C9731A"),
        ("Drum, Serial Number: AB1234", "Drum"),
        ("SNAP toner", "SNAP toner"),
    ],
)
def test_a_cartridge_that_is_exchanged_is_the_same_supply(said: str, name: str) -> None:
    column = "prtMarkerSuppliesDescription"
    assert printer.named([(1, row(**{column: said}))], column, "supply") == {1: name}


def test_the_first_printer_and_names_of_its_own() -> None:
    supplies = table(
        printer.SUPPLIES,
        {
            (1, 1): {"prtMarkerSuppliesDescription": "Toner", "prtMarkerSuppliesColorantIndex": 2},
            (1, 2): {"prtMarkerSuppliesDescription": "Toner", "prtMarkerSuppliesMaxCapacity": 2**63},
            (1, 3): {"prtMarkerSuppliesType": 9, "prtMarkerSuppliesClass": 3},
            (2, 1): {"prtMarkerSuppliesDescription": "of another one"},
            (7,): {"prtMarkerSuppliesDescription": "broken"},
        },
    )
    colorants = table(printer.COLORANTS, {(1, 2): {"prtMarkerColorantValue": "cyan"}})
    status = table(printer.STATUS, {1: {"hrPrinterStatus": 4, "hrPrinterDetectedErrorState": b"\x20"}})
    found = printer.parse(NONE, status, supplies, colorants, NONE)
    assert found is not None
    assert [(one.description, one.color, one.type) for one in found.supplies] == [
        ("Toner", "cyan", ""),
        ("Toner #2", "", ""),
        ("supply 3", "", "opc"),
    ]
    assert (found.status, list(found.errors)) == ("printing", ["lowToner"])
    assert printer.parse(NONE, NONE, NONE, colorants, NONE) is None

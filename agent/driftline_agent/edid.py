"""EDID: what a display says of itself. Source: VESA Enhanced EDID standard, release A, revision 2 (EDID 1.4)."""

from driftline.v1.facts_pb2 import Display

_HEADER = b"\0\xff\xff\xff\xff\xff\xff\0"
_BLOCK = 128
_SERIAL, _TEXT, _NAME = 0xFF, 0xFE, 0xFC
_FIRST_YEAR = 1990
#: Pixels; below it a timing is filling.
_SMALLEST = 100
_MODEL_YEAR = 0xFF


def _text(data: bytes) -> str:
    text = data.partition(b"\n")[0].decode("latin-1").replace("\0", " ")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _says_something(text: str) -> bool:
    return text.isascii() and any(char.isalpha() for char in text)


def maker_of(code: int) -> str:
    """Return the three letters that two bytes hold, five bits each; nothing where they are none."""
    letters = [(code >> shift & 0x1F) + 64 for shift in (10, 5, 0)]
    return "".join(map(chr, letters)) if all(65 <= letter <= 90 for letter in letters) else ""


def _made(week: int, year: int) -> str:
    if not year:
        return ""
    return f"{_FIRST_YEAR + year}" + (f"-W{week:02}" if 1 <= week <= 54 and week != _MODEL_YEAR else "")


def parse_edid(data: bytes, connector: str = "") -> Display | None:
    """Return a display, None where the bytes are no EDID. A wrong checksum is overlooked: cheap displays have it."""
    if len(data) < _BLOCK or data[:8] != _HEADER:
        return None
    maker = maker_of(int.from_bytes(data[8:10], "big"))
    if not maker:
        return None
    product, serial = int.from_bytes(data[10:12], "little"), int.from_bytes(data[12:16], "little")
    display = Display(
        connector=connector,
        manufacturer=maker,
        product_code=f"{product:04x}",
        serial_code=f"{serial:08x}" if serial not in (0, 0x01010101, 0xFFFFFFFF) else "",
        manufactured=_made(data[16], data[17]),
    )
    name, texts, descriptor_serial = "", list[str](), ""
    for offset in (54, 72, 90, 108):
        block = data[offset : offset + 18]
        if block[0] or block[1]:  # a pixel clock: a detailed timing, the first is the preferred one
            if not display.resolution:
                width, height = block[2] | (block[4] & 0xF0) << 4, block[5] | (block[7] & 0xF0) << 4
                height *= 2 if block[17] & 0x80 else 1  # interlaced: lines of one field
                if width < _SMALLEST or height < _SMALLEST:
                    continue  # some old tubes fill the descriptors with ones
                display.resolution = f"{width}x{height}"
                display.width = block[12] | (block[14] & 0xF0) << 4
                display.height = block[13] | (block[14] & 0x0F) << 8
        elif block[3] == _NAME:
            name = name or _text(block[5:])
        elif block[3] == _SERIAL:
            descriptor_serial = descriptor_serial or _text(block[5:])
        elif block[3] == _TEXT:
            texts.append(_text(block[5:]))
    _size(display, data[21], data[22])
    display.model = (
        name or next((text for text in reversed(texts) if _says_something(text)), "") or display.product_code
    )
    filled = descriptor_serial.strip("0 ") and descriptor_serial.lower() not in ("n/a", "none", "serial", "lcd serial")
    display.serial_number = descriptor_serial if filled else (str(serial) if display.serial_code else "")
    return display


def _size(display: Display, width: int, height: int) -> None:
    """Take the size in centimetres where the timing gives none; 16x9 and 16x10 there are a ratio, not a size."""
    if (display.width, display.height) in ((0, 0), (16, 9), (160, 90), (16, 10), (160, 100), (1600, 900)):
        display.ClearField("width")
        display.ClearField("height")
        if width and height:
            display.width, display.height = width * 10, height * 10

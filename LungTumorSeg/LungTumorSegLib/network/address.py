"""Where a DICOM server is: ``AET@HOST:PORT``."""

import re
from dataclasses import dataclass

_FORM = re.compile(r"(?P<title>[^@]+)@(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^@:\[\]\s]+)):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Address:
    """A DICOM server on the network.

    Attributes:
        title: The server's application entity title.
        host: Its name or IP address, an IPv6 one without brackets.
        port: 1 to 65535.
    """

    title: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.title} at {host}:{self.port}"


def parse(text: str) -> Address:
    """An address from ``AET@HOST:PORT``.

    Args:
        text: For example ``ARCHIVE@192.168.1.5:104``; an IPv6 address stands in brackets.

    Raises:
        ValueError: With a sentence, where it is no such address.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ValueError(f"{text!r} is no DICOM address: give AET@HOST:PORT, for example ARCHIVE@192.168.1.5:104")
    return Address(title(match["title"]), match["ipv6"] or match["host"], int(match["port"]))


def title(text: str) -> str:
    """An application entity title as the standard allows it (VR AE), without blanks around it.

    Raises:
        ValueError: With a sentence, where it is none.
    """
    stripped = text.strip()
    if not (0 < len(stripped) <= 16 and stripped.isascii() and stripped.isprintable() and "\\" not in stripped):
        raise ValueError(
            f"{text!r} is no application entity title: it has 1 to 16 characters, plain letters, digits and signs"
        )
    return stripped

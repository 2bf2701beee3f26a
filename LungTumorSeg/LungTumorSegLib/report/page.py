"""The page, made from its content by a Jinja2 template. It asks no host for anything and runs no script."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..enums import Language
from .texts import Texts

_HERE = Path(__file__).parent
SINGLE, FOLLOW_UP = "page.html", "follow_up.html"  # templates
_THIN_SPACE = "\u202f"


def render(content: dict[str, Any], language: Language, template: str = SINGLE) -> str:
    """The page as HTML with style and pictures in it. Every value is escaped, also names and a card's words.

    Args:
        content: Of `content.content`, or of `follow_up_content.content`.
        template: `SINGLE` or `FOLLOW_UP`.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "signed": signed}
    style = (_HERE / "page.css").read_text("utf-8")
    return environment.get_template(template).render(**content, t=Texts(language), language=language, style=style)


def number(value: float, digits: int = 0) -> str:
    """With a true minus sign, thousands apart by a thin space."""
    text = f"{value:,.{digits}f}".replace(",", _THIN_SPACE)
    return text.replace("-", "" if not text.strip(f"-0.{_THIN_SPACE}") else "\u2212")


def signed(value: float, digits: int = 0) -> str:
    """The same with a plus sign where it grew."""
    text = number(value, digits)
    return f"+{text}" if value > 0 and text.strip(f"0.{_THIN_SPACE}") else text

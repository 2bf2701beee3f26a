"""The page as a PDF."""

from ..errors import InputError


def check() -> None:
    """Look whether a PDF can be made.

    Raises:
        InputError: WeasyPrint, or what it draws letters with, is missing.
    """
    try:
        import weasyprint  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(
            "The report as PDF needs WeasyPrint, which is not installed. Install it (pip install weasyprint)."
        ) from None
    except OSError:
        raise InputError(
            "The report as PDF needs Pango, a library of the system which WeasyPrint did not find. On Debian: apt-get "
            "install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0. Or write the report without --pdf."
        ) from None


def render(html: str) -> bytes:
    """A4 pages of a page. Nothing outside of it is fetched.

    Args:
        html: What `page.render` made.

    Returns:
        The PDF file's bytes.
    """
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    return HTML(string=html, url_fetcher=URLFetcher(allowed_protocols={"data"})).write_pdf()

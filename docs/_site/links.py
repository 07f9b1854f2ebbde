"""Links of the built site: those within it lead to a page and a place that is there, and the others are well formed."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ATTRIBUTES = {'a': 'href', 'link': 'href', 'img': 'src', 'script': 'src', 'source': 'src'}


class Page(HTMLParser):
    """What a page links to, and the places that it has."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        values = dict(attrs)
        self.places |= {values[key] for key in ('id', 'name') if values.get(key)}
        if tag in ATTRIBUTES and values.get(ATTRIBUTES[tag]):
            self.links.add(values[ATTRIBUTES[tag]])


def broken(site: Path) -> list[str]:
    """A line for each link that leads nowhere."""
    pages = {path: Page(path) for path in site.rglob('*.html') if '_static' not in path.parts}
    return sorted(
        f'{path.relative_to(site)}: {link} {fault}'
        for path, page in pages.items()
        for link in page.links
        if (fault := wrong(link, path, pages))
    )


def wrong(link: str, path: Path, pages: dict[Path, Page]) -> str:
    """What is wrong with a link of a page; nothing if it is right."""
    parts = urlsplit(link)
    if parts.scheme in ('data', 'mailto', 'javascript'):
        return ''
    if parts.scheme or parts.netloc:
        host = parts.hostname or ''
        sound = parts.scheme in ('http', 'https') and '.' in host and not host.startswith('.') and ' ' not in link
        if host == 'doi.org':
            sound = sound and parts.path.startswith('/10.') and parts.path.count('/') >= 2 and not parts.path.endswith(('.', ',', ';'))
        return '' if sound else 'is no address'
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= 'index.html'
    if not target.exists():
        return 'leads to no page'
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
        return 'leads to no place of its page'
    return ''

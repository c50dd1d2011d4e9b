"""Checks that a page is well-formed, and finds its links. Void elements and end tags as the HTML standard has them."""

from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """A page that was read; what is wrong with it is in `errors`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.errors: list[str] = []
        self.links: set[str] = set()
        self.assets: set[str] = set()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.title = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        if self._open:
            self.errors.append(f"not closed: {self._open}")
        for name in set(self.ids):
            if self.ids.count(name) > 1:
                self.errors.append(f"id {name} stands twice")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _VOID and not (self._in_svg() and tag == "path"):
            self._open.append(tag)
        if "style" in given or any(name.startswith("on") for name in given):
            self.errors.append(f"<{tag}> has style or script in it, which the policy forbids")
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag == "a" and given.get("href", "").startswith("/"):  # type: ignore[union-attr]  # has a default
            self.links.add(given["href"] or "")
        if tag in ("script", "link"):
            self.assets.add(given.get("src") or given.get("href") or "")
        if tag == "script" and not given.get("src"):
            self.errors.append("a script stands in the page, which the policy forbids")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID and tag != "path":
            self.errors.append(f"<{tag}/> is not closed by that")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.errors.append(f"</{tag}> at {self.getpos()} closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.title += data
        if "{{" in data or "{%" in data:
            self.errors.append(f"template text shows: {data[:40]}")

    def _in_svg(self) -> bool:
        return "svg" in self._open

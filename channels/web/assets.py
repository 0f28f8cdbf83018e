"""The pages and their scripts, read once and served from memory: no path from outside ever meets the disk.

A script or style asked for by its version may be kept for ever; without one the browser asks whether it changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from aiohttp import web
from aiohttp.typedefs import LooseHeaders

FOLDER = Path(__file__).parent / "static"
TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class Assets:
    """Everything in static/, with one version for all of it."""

    def __init__(self) -> None:
        files = sorted(path for path in FOLDER.iterdir() if path.suffix in TYPES)
        self._files = {path.name: path.read_bytes() for path in files}
        self.version = hashlib.sha256(b"\0".join(self._files.values())).hexdigest()[:12]

    def page(self, name: str, **values: str) -> str:
        """An HTML page with `$version` and these values filled in, escaped."""
        filled = {key: escape(value) for key, value in values.items()}
        return Template(self._files[name].decode()).substitute(filled, version=self.version)

    def serve(self, request: web.Request, name: str, headers: LooseHeaders = ()) -> web.Response:
        """A file as a response: 304 when the browser has it, 404 when there is none of that name."""
        body = self._files.get(name)
        if body is None or name.endswith(".html"):
            raise web.HTTPNotFound
        tag = hashlib.sha256(body).hexdigest()[:16]
        known = any(seen.value == tag for seen in request.if_none_match or ())
        kept = request.query.get("v") == self.version
        response = web.Response(status=304, headers=headers) if known else web.Response(body=body, headers=headers)
        if not known:
            response.content_type = TYPES[Path(name).suffix]
            response.charset = "utf-8"
        response.etag = tag
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response

import http.server
import pathlib
import urllib.parse

from . import pages

VISITS = pathlib.Path("data/visits")


def count():
    visits = int(VISITS.read_text()) + 1 if VISITS.exists() else 1
    VISITS.write_text(str(visits))
    return visits


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        place = urllib.parse.urlsplit(self.path)
        name = urllib.parse.parse_qs(place.query).get("name", ["world"])[0]
        body = "ok" if place.path == "/health" else pages.hello(name, count())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()

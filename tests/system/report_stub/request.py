"""A request to either service, and an answer, without the socket that they travel by."""
import ipaddress
import json
import re
import urllib.parse

# What one may do at which path: name of the endpoint and its method.
ABUSEIPDB = {"report": ("report", "POST"), "bulk-report": ("bulk", "POST"), "clear-address": ("clear", "DELETE"),
             "check": ("check", "GET"), "check-block": ("check-block", "GET"), "reports": ("reports", "GET"),
             "blacklist": ("blacklist", "GET")}
VIRUSTOTAL = ("vote", "comment", "delete", "ip")
ENDPOINTS = [name for name, _ in ABUSEIPDB.values()] + list(VIRUSTOTAL)

PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><title>%(status)d</title></head>
<body><h1>%(status)d</h1><p>Something is in the way: {"data": "no JSON"}</p></body></html>
"""


def page(status):
    return PAGE % {b"status": status}


def address_of(text):
    """An address in its one spelling, or None."""
    try:
        return str(ipaddress.ip_address(text)) if isinstance(text, str) and "%" not in text else None
    except ValueError:
        return None


class Refused(Exception):
    """An answer other than 2xx, with a body in the service's own words."""

    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.reply = Reply(status, body, headers)


class Reply:
    """An answer. `notes` are what the log says besides: `periods` (quotas that it counts for), `stored`, `invalid`, `removed`."""

    def __init__(self, status, body, headers=None, **notes):
        self.status, self.body, self.headers, self.notes = status, body, dict(headers or {}), notes
        self.type = "text/plain" if isinstance(body, str) else "application/json"

    def text(self, indent=None):
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body, indent=indent, separators=None if indent else (",", ":")).encode()


class Request:
    """A request as it came. Names of headers are in lower case; `address` is what the path names."""

    def __init__(self, method, target, headers):
        path, _, self.query = target.partition("?")
        self.method, self.target, self.headers, self.body = method, target, headers, b""
        self.service, self.endpoint, self.method_wanted, self.address = "none", "none", None, None
        self.params, self.json, self.csv, self.problem = {}, None, b"", None
        names = [urllib.parse.unquote(name, errors="replace") for name in path.split("/")]
        if names[:3] == ["", "api", "v2"] and len(names) == 4:
            self.service = "abuseipdb"
            self.endpoint, self.method_wanted = ABUSEIPDB.get(names[3], ("none", None))
        elif names[:3] == ["", "api", "v3"]:
            self.service = "virustotal"
            self.endpoint, self.method_wanted, self.address = self.virustotal_path(names[3:])

    @staticmethod
    def virustotal_path(names):
        if names[:1] == ["ip_addresses"] and names[2:] in (["votes"], ["comments"]):
            return names[2][:-1], "POST", names[1]
        if names[:1] == ["ip_addresses"] and len(names) == 2:
            return "ip", "GET", names[1]
        if names[:1] == ["comments"] and len(names) == 2:
            return "delete", "DELETE", names[1]
        return "none", None, None

    def parse(self, body):
        """Takes the body: form or multipart, query and JSON become `params`; JSON is kept as it was, too."""
        self.body = body
        kind, _, rest = self.headers.get("content-type", "").partition(";")
        kind = kind.strip().lower()
        self.take_form(self.query.encode("latin-1", "replace"))
        if kind == "application/json":
            try:
                document = json.loads(body)
                json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text
                self.json = document
            except (ValueError, RecursionError):
                self.problem = "json"
        elif kind == "application/x-www-form-urlencoded":
            self.take_form(body)
        elif kind == "multipart/form-data":
            self.take_multipart(body, rest)
        if self.service == "abuseipdb" and isinstance(self.json, dict):
            for name, value in self.json.items():
                self.params[name] = ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)

    def take_form(self, data):
        try:
            pairs = urllib.parse.parse_qsl(data.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=500)
        except ValueError:
            self.problem = "form"
            return
        for name, value in pairs:
            try:
                self.params[name] = value.encode("latin-1").decode()
            except UnicodeDecodeError:
                self.params[name], self.problem = value, name

    def take_multipart(self, body, options):
        boundary = re.search(r'boundary=("?)([^";]+)\1', options)
        if not boundary:
            return
        mark = b"\r\n--" + boundary[2].encode("latin-1")
        # Before the first boundary, and behind the last ("--"), is nothing of interest.
        for part in (b"\r\n" + body).split(mark)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = re.search(rb'content-disposition: *form-data;.*?\bname="([^"]*)"', head, re.IGNORECASE)
            if name and name[1] == b"csv" and re.search(rb'filename="', head):
                self.csv = content
                self.params["csv"] = content.decode(errors="replace")
            elif name:
                self.params[name[1].decode(errors="replace")] = content.decode(errors="replace")

    def addresses(self):
        """Every address that the request names, for the selection of faults."""
        if self.endpoint == "bulk":
            return {address_of(line.split(b",")[0].decode("latin-1").strip('"')) for line in self.csv.split(b"\n")[1:]}
        return {address_of(self.params.get(name)) for name in ("ip", "ipAddress")} | {address_of(self.address)}

    def document(self):
        """What the log says of it."""
        seen = {"method": self.method, "path": self.target, "headers": self.headers, "params": self.params}
        if self.json is not None:
            seen["json"] = self.json
        if self.problem or not (self.params or self.json):
            seen["body"] = self.body[:65536].decode("latin-1")
        return seen



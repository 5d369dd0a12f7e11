"""The fault switches: reading faults.json, choosing the one that strikes a request, and what it makes of the answer.

What they mean for a test is in report-stub's own text. An entry is known by the file's time and checksum and by its place,
so a file that is written anew counts anew, and nobody but the test writes the file; how often an entry was met is in the log
(`seen`), and with it over a restart.
"""
import json
import os
import re
import time
import zlib

from .request import ENDPOINTS, Reply, address_of, page

SWITCHES = {"bare_window": (False, (False, True)), "window_status": (429, (429, 403, 422)), "opposite_vote": (409, (409, 200)),
            "duplicate_comment": (200, (200, 409)), "vt_retry_after": (None, None)}
RATE_HEADERS = ["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
MEGABYTES = 10 * 1024 * 1024

# How far the request gets before the fault strikes: not even TLS, not its body, to the end, or it is handled as ever.
NOWHERE, REPLACED, SPOILED = ("connect", "headers", "request", "stored"), ("request", "stored"), ("stored",)
# Name: where it may strike (`at`), where it does unless told, and its own parameters with their defaults.
FAULTS = {
    "silence": (NOWHERE, "request", {}),
    "reset": (NOWHERE, "request", {}),
    "close": (NOWHERE, "request", {}),
    "html": (REPLACED, "request", {"status": 500, "type": "text/html; charset=UTF-8", "bytes": 0}),
    "error": (REPLACED, "request", {"status": 503, "code": None, "message": None, "bare": False}),
    "quota": (REPLACED, "request", {"retry_after": None}),
    "body": (REPLACED, "request", {"status": 200, "type": "application/json", "text": "", "hex": None}),
    "raw": (REPLACED, "request", {"text": ""}),
    "redirect": (REPLACED, "request", {"status": 302, "location": "/elsewhere"}),
    "slow": (SPOILED, "stored", {"seconds": 1}),
    "drip": (SPOILED, "stored", {"seconds": 0.05}),
    "truncated": (SPOILED, "stored", {"length": "missing", "part": 0.5}),
    "headers": (SPOILED, "stored", {"set": {}, "remove": RATE_HEADERS}),
    "garbled": (SPOILED, "stored", {"with": "utf-8"}),
    "huge": (SPOILED, "stored", {"bytes": MEGABYTES}),
}
GARBAGE = {"utf-8": b"\xff\xc3(", "nul": b"\0", "escaped-nul": b"\\u0000", "surrogate": b"\\ud800", "control": b"\x1b[31m"}
LENGTHS = ("missing", "long", "right")

NO_ANSWER = ("silence", "reset", "close")
CODES = {400: "BadRequestError", 401: "WrongCredentialsError", 403: "ForbiddenError", 404: "NotFoundError", 409: "AlreadyExistsError",
         424: "FailedDependencyError", 429: "TooManyRequestsError", 503: "TransientError", 504: "DeadlineExceededError"}


class Broken(Exception):
    """faults.json is not as it must be: the test is wrong, and must not pass for it."""


class Plan:
    """An answer as it goes over the wire. `end` instead of one: silence, reset or close; `raw`: exactly these bytes."""

    def __init__(self, status=0, headers=None, body=b"", end=None, raw=None):
        self.status, self.headers, self.body, self.end, self.raw = status, dict(headers or {}), body, end, raw
        self.delay, self.each, self.length, self.hang_up = 0, 0, len(body), False

    @classmethod
    def of(cls, reply, indent=None):
        body = reply.text(indent)
        return cls(reply.status, {"Content-Type": reply.type, **reply.headers}, body)


def check(entry):
    """An entry with its defaults, or Broken."""
    if not isinstance(entry, dict) or entry.get("fault") not in FAULTS:
        raise Broken(f"{entry!r}: \"fault\" is none of {', '.join(FAULTS)}")
    stages, default, parameters = FAULTS[entry["fault"]]
    whole = {"service": None, "endpoint": None, "address": None, "count": None, "skip": 0, "at": default, **parameters}
    unknown = set(entry) - set(whole) - {"fault"}
    if unknown:
        raise Broken(f"{entry!r}: {entry['fault']} has no {', '.join(sorted(unknown))}")
    whole.update(entry)
    for name, wrong in (("at", whole["at"] not in stages), ("service", whole["service"] not in (None, "abuseipdb", "virustotal")),
                        ("endpoint", whole["endpoint"] not in [None, *ENDPOINTS]), ("length", whole.get("length", "long") not in LENGTHS),
                        ("with", whole.get("with", "nul") not in GARBAGE), ("count", not isinstance(whole["count"], int | None)),
                        ("address", whole["address"] is not None and not address_of(whole["address"])),
                        ("service, endpoint, address", whole["at"] == "connect" and (whole["service"] or whole["endpoint"] or whole["address"]))):
        if wrong:
            raise Broken(f"{entry!r}: {name} cannot be that")
    return whole


class Faults:
    def __init__(self, path, memory):
        self.path, self.memory = path, memory

    def load(self):
        """The file's contents, which a test may be writing just now."""
        for left in range(50, -1, -1):
            try:
                with open(self.path, "rb") as file:
                    data = file.read()
                    return json.loads(data), f"{os.fstat(file.fileno()).st_mtime_ns}.{zlib.crc32(data):08x}"
            except FileNotFoundError:
                return {}, ""
            except ValueError as error:
                if not left:
                    raise Broken(f"it is not JSON: {error}") from error
                time.sleep(0.01)

    def read(self):
        """Returns the switches, and the entries with their marks. Raises Broken."""
        document, stamp = self.load()
        if not isinstance(document, dict) or set(document) - {"switches", "faults"}:
            raise Broken('it is not {"switches": {..}, "faults": [..]}')
        switches = {name: default for name, (default, _) in SWITCHES.items()}
        for name, value in document.get("switches", {}).items():
            if name not in SWITCHES or SWITCHES[name][1] and value not in SWITCHES[name][1]:
                raise Broken(f"switches: {name} cannot be {value!r}; there are {', '.join(SWITCHES)}")
            switches[name] = value
        entries = [(f"{stamp}.{place}", check(entry)) for place, entry in enumerate(document.get("faults", []))]
        return switches, entries

    def pick(self, entries, stages, request, seen):
        """The first entry that strikes `request` (None: a connection) there. Each entry that was meant goes to `seen`."""
        for mark, entry in entries:
            if entry["at"] not in stages or request and not self.meant(entry, request):
                continue
            seen.append(mark)
            met = self.memory.seen.get(mark, 0) - entry["skip"]
            if met >= 0 and (entry["count"] is None or met < entry["count"]):
                return entry
        return None

    @staticmethod
    def meant(entry, request):
        return (entry["service"] in (None, request.service) and entry["endpoint"] in (None, request.endpoint)
                and (entry["address"] is None or address_of(entry["address"]) in request.addresses()))


def error_reply(fault, service, request):
    """An error in the service's own words."""
    status, message = fault["status"], fault["message"]
    if request.service == "virustotal":
        return service.error(status, fault["code"] or CODES.get(status, "InternalError"), message or "Something is wrong").reply
    if fault["bare"]:
        return Reply(status, {"detail": message or "Something is wrong.", "status": status})
    return service.dressed(service.error(status, message or service.texts.get(status, "Something is wrong.")).reply, request)


def replaced(fault, service, request, now):
    """The Plan of an answer that is not the service's (or not to this request)."""
    name = fault["fault"]
    if name in NO_ANSWER:
        return Plan(end=name)
    if name == "html":
        return Plan(fault["status"], {"Content-Type": fault["type"]}, page(fault["status"]).ljust(fault["bytes"]))
    if name == "body":
        return Plan(fault["status"], {"Content-Type": fault["type"]}, bytes.fromhex(fault["hex"]) if fault["hex"] else fault["text"].encode())
    if name == "raw":
        return Plan(raw=fault["text"].encode("latin-1"))
    if name == "redirect":
        return Plan(fault["status"], {"Content-Type": "text/html", "Location": fault["location"]}, page(fault["status"]))
    if service is None:
        raise Broken(f"{name}: {request.target} is no service's")
    if name == "error":
        return Plan.of(error_reply(fault, service, request))
    return Plan.of(service.dressed(service.over_quota(request.endpoint, now, fault["retry_after"]).reply, request))


def spoil(fault, plan):
    """Changes the Plan of the service's own answer."""
    name = fault["fault"]
    if name == "slow":
        plan.delay = fault["seconds"]
    elif name == "drip":
        plan.each = fault["seconds"]
    elif name == "huge":
        plan.body = plan.body.ljust(fault["bytes"])  # spaces: it stays JSON
        plan.length = len(plan.body)
    elif name == "garbled":
        # Into its first text, which every answer has that says something.
        plan.body = re.sub(rb'": ?"', lambda match: match[0] + GARBAGE[fault["with"]], plan.body, count=1)
        plan.length = len(plan.body)
    elif name == "headers":
        gone = {header.lower() for header in fault["remove"]} | {header.lower() for header in fault["set"]}
        plan.headers = {header: value for header, value in plan.headers.items() if header.lower() not in gone} | fault["set"]
    elif name == "truncated":
        whole = len(plan.body)
        plan.body = plan.body[:int(whole * fault["part"])]
        plan.length = {"missing": None, "long": whole, "right": len(plan.body)}[fault["length"]]
        plan.hang_up = fault["length"] != "right"
    return plan

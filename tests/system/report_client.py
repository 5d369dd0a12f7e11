"""A client of report-stub for the stub's own tests, what they compare, and the namespaces that they run in."""
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

from report_world import ABUSEIPDB_KEY, VIRUSTOTAL_KEY, Stub

SECOND_KEY, SECOND_VIRUSTOTAL = "c" * 80, "d" * 64
OPTIONS = ["--report-limit", "60", "--vt-minute", "1000", "--vt-day", "1000"]
OPTIONS += [word for key in (ABUSEIPDB_KEY, SECOND_KEY) for word in ("--abuseipdb-key", key)]
OPTIONS += [word for key in (VIRUSTOTAL_KEY, SECOND_VIRUSTOTAL) for word in ("--virustotal-key", key)]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TEXT_IP = "The ip address must be a valid IPv4 or IPv6 address (e.g. 8.8.8.8 or 2001:4860:4860::8888)."
HEADING = "IP,Categories,ReportDate,Comment\n"
DATE = "2026-11-29T06:20:05+00:00"


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, {name.lower(): value for name, value in response.getheaders()}
        self.bytes = response.read()
        try:
            self.json = json.loads(self.bytes)
        except ValueError:
            self.json = None

    def error(self):
        return self.json["errors"][0]

    def rate(self):
        return {name for name in self.headers if name.startswith("x-ratelimit") or name == "retry-after"}


class Client:
    """One connection, kept while the stub keeps it."""

    def __init__(self, stub, key=ABUSEIPDB_KEY, api_key=VIRUSTOTAL_KEY):
        self.stub, self.key, self.api_key = stub, key, api_key
        self.connection = http.client.HTTPSConnection("127.0.0.1", stub.port, timeout=20, context=ssl.create_default_context(cafile=stub.ca))

    def ask(self, method, path, body=None, headers=None):
        try:
            self.connection.request(method, path, body, headers or {})
            return Answer(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def hurry(self, at_once=False):
        """Waits for answers only a moment, but for those to the first words of TLS."""
        if at_once:
            self.connection.timeout = 0.1
        else:
            self.connection.connect()
            self.connection.sock.settimeout(0.1)

    def abuse(self, endpoint, params=None, method="POST", **headers):
        """As the courier asks; a header that is None is left out."""
        wanted = {"Key": self.key, "Accept": JSON, "Content-Type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
        body = urllib.parse.urlencode(params or {})
        path = f"/api/v2/{endpoint}" + (f"?{body}" if method != "POST" and body else "")
        return self.ask(method, path, body if method == "POST" else None, {name: value for name, value in wanted.items() if value is not None})

    def report(self, ip, categories="18,22", **more):
        return self.abuse("report", {"ip": ip, "categories": categories, **more})

    def bulk(self, text, name="csv", filename='; filename="report.csv"', **headers):
        body = f"--xYz\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\nContent-Type: text/csv\r\n\r\n".encode() + \
            (text if isinstance(text, bytes) else text.encode()) + b"\r\n--xYz--\r\n"
        wanted = {"Key": self.key, "Accept": JSON, "Content-Type": "multipart/form-data; boundary=xYz"}
        return self.ask("POST", "/api/v2/bulk-report", body, wanted | headers)

    def virustotal(self, method, path, document=None, **headers):
        wanted = {"x-apikey": self.api_key, "Content-Type": JSON} | headers
        return self.ask(method, f"/api/v3/{path}", None if document is None else json.dumps(document),
                        {name: value for name, value in wanted.items() if value is not None})

    def vote(self, ip, verdict="malicious", **headers):
        return self.virustotal("POST", f"ip_addresses/{ip}/votes", {"data": {"type": "vote", "attributes": {"verdict": verdict}}}, **headers)

    def comment(self, ip, text):
        return self.virustotal("POST", f"ip_addresses/{ip}/comments", {"data": {"type": "comment", "attributes": {"text": text}}})


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(what, answer, status, detail=None, parameter=None):
    """An error of AbuseIPDB, as the service words it."""
    same(f"{what}: status", answer.status, status)
    same(f"{what}: the status in its body", answer.error()["status"], status)
    if detail:
        same(f"{what}: text", answer.error()["detail"], detail)
    if parameter:
        same(f"{what}: parameter", answer.error()["source"], {"parameter": parameter})


def vt_refused(what, answer, status, code, message=None):
    same(what, (answer.status, answer.json["error"]["code"]), (status, code))
    if message:
        same(what, answer.json["error"]["message"], message)


def fails(what, error, function, *words):
    try:
        got = function(*words)
    except error as seen:
        return str(seen)
    raise AssertionError(f"{what}: got {getattr(got, 'status', got)}, wanted {error}")


def window_text(address):
    return f"You can only report the same IP address (`{address}`) once in 15 minutes."


def at_noon(stub):
    """No day ends while a test counts what is left of it."""
    stub.advance((43200 - stub.now()) % 86400)
    return stub


def another(stub, name, *options):
    return at_noon(Stub(os.path.join(stub.directory, name), *options, certificates=stub.directory))


def run(tests):
    """Runs each test with one stub, in a network namespace of its own; returns the exit status. A test returns what it has shown."""
    if os.geteuid() != 0:
        print("needs root")
        return 77
    for tool in ("openssl", "unshare", "ip"):
        if not shutil.which(tool):
            print(f"needs {tool}")
            return 77
    if sys.argv[1:] != ["inside"]:
        inside = ["unshare", "-n", "-p", "-f", "--kill-child"]
        if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
            print("may not make namespaces here")
            return 77
        return subprocess.run([*inside, sys.executable, "-B", os.path.abspath(sys.argv[0]), "inside"], check=False).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="report-stub.") as directory, Stub(directory, *OPTIONS) as stub:
        at_noon(stub)
        for test in tests:
            began = time.monotonic()
            try:
                print(f"ok: {test(stub)} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:
                print(f"FAILED: {test.__name__}: {error!r}")
                raise
    return 0

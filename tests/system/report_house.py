#!/usr/bin/env python3
"""bailiffd, bailiff-courier and report-stub together, in namespaces of their own: no route and no interface outwards.

    house = enter(__file__)             runs the script again inside; returns only there
    house.start() ... house.ban("203.0.113.1") ... house.wait_settled() ... house.rows("203.0.113.1")

The courier runs as a user bailiff-courier that exists only inside. bailiffd has no firewall here, one jail that reads a file,
and takes bans by hand. Builds with fault points die where `kill=` says, and their reports' clock is the stub's.
"""
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from report_world import ABUSEIPDB_KEY, VIRUSTOTAL_KEY, Stub, write_whole  # noqa: E402

SOURCE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD", os.path.join(SOURCE, "build"))
LONG = os.environ.get("LONG", "0") != "0"
COURIER_UID = 64321
FINAL = ("done", "refused", "unknown", "expired", "dropped")


def skip(reason):
    print(reason)
    sys.exit(77)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def has_fault_points():
    with open(os.path.join(BUILD, "build-config.h"), encoding="ascii") as file:
        return "BAILIFF_FAULT_POINTS 1" in file.read()


def enter(script):
    """Runs the script again in new namespaces; there it returns the House."""
    if os.environ.get("REPORT_HOUSE") != "inside":
        if os.geteuid() != 0:
            skip("needs root")
        if not has_fault_points():
            skip(f"{BUILD} has no fault points (-Dfault_points=true)")
        os.environ["REPORT_HOUSE"] = "inside"
        os.execvp("unshare", ["unshare", "-n", "-m", "-p", "-i", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", sys.executable,
                              script, *sys.argv[1:]])
    del os.environ["REPORT_HOUSE"]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    links = json.loads(subprocess.run(["ip", "-json", "link"], check=True, capture_output=True, text=True).stdout)
    routes = subprocess.run("ip route; ip -6 route", shell=True, check=True, capture_output=True, text=True).stdout
    check([link["ifname"] for link in links if "UP" in link["flags"]] == ["lo"] and "default" not in routes and "via" not in routes, "there is a way out of here")
    return House()


class House:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="report-house-")
        os.chmod(self.directory, 0o755)
        self.stub = None
        self.daemon = self.courier = None
        self.seed = int(os.environ.get("SEED", random.randrange(2 ** 31)))
        self.random = random.Random(self.seed)
        print(f"seed {self.seed} (SEED={self.seed} repeats it)", flush=True)
        self.make_user()
        for name in ("state", "run", "etc", "log"):
            os.mkdir(self.path(name))
        with open(self.path("log/auth.log"), "w", encoding="ascii"):
            pass

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for process in (self.courier, self.daemon):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        if self.stub:
            self.stub.stop()
        if kind:
            for name in ("bailiffd", "courier"):
                print(f"--- {name}:")
                print(open(self.path(f"{name}.log"), encoding="utf-8", errors="replace").read()[-6000:])
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def make_user(self):
        """A user for the courier, in a passwd of this mount namespace."""
        with open("/etc/passwd", encoding="utf-8") as file:
            users = file.read()
        write_whole(self.path("passwd"), users.rstrip("\n") + f"\nbailiff-courier:x:{COURIER_UID}:{COURIER_UID}::/:/usr/sbin/nologin\n")
        os.chmod(self.path("passwd"), 0o644)
        subprocess.run(["mount", "--bind", self.path("passwd"), "/etc/passwd"], check=True)

    # ---- configuration ----

    def configure(self, abuseipdb="", virustotal="", report=None, more=""):
        stub = self.stub
        report = report or ('{ abuseipdb: { categories: [18, 22], comment: "Visit: https://www.example.com/" },'
                            ' virustotal: { vote: malicious, comment: "Visit: https://www.example.com/" } }')
        for service, key in (("abuseipdb", ABUSEIPDB_KEY), ("virustotal", VIRUSTOTAL_KEY)):
            path = self.path(f"etc/{service}.key")
            if not os.path.exists(path):
                write_whole(path, key + "\n")
                os.chown(path, 0, COURIER_UID)
                os.chmod(path, 0o640)
        write_whole(self.path("etc/bailiff.yaml"), f"""
firewall: none
defaults: {{ findtime: 10m, maxretry: 5, bantime: 1d }}
jails:
  sshd:
    sources: [files]
    logs: [{self.path("log/auth.log")}]
    report: {report}
reports:
  abuseipdb: {{ key_file: abuseipdb.key, timeout: 5s, url: "{stub.url('abuseipdb')}", ca_file: {stub.ca}, {abuseipdb} }}
  virustotal: {{ key_file: virustotal.key, timeout: 5s, url: "{stub.url('virustotal')}", ca_file: {stub.ca}, per_minute: 1000, {virustotal} }}
{more}
""")
        os.chmod(self.path("etc/bailiff.yaml"), 0o644)

    # ---- processes ----

    def start_stub(self, *options):
        self.stub = Stub(self.path("stub"), "--vt-minute", "100000", "--vt-day", "100000", *options)
        os.chmod(self.path("stub"), 0o755)
        self.stub.start()
        for file in os.listdir(self.stub.certificates):
            if file.endswith(".pem"):
                os.chmod(os.path.join(self.stub.certificates, file), 0o644)

    def environment(self, kill):
        return {**os.environ, "BAILIFF_SHIPPED": "", "BAILIFF_FILTERS": os.path.join(SOURCE, "filters"), "BAILIFF_FAULT_KILL": kill,
                "BAILIFF_FAULT_REPORT_CLOCK": self.stub.clock, "BAILIFF_NICE": "0"}

    def start_daemon(self, kill="", wait=True):
        log = open(self.path("bailiffd.log"), "ab")
        at = log.tell()
        self.daemon = subprocess.Popen([os.path.join(BUILD, "src/bailiffd"), "--config", self.path("etc/bailiff.yaml"), "--state-dir", self.path("state"),
                                        "--runtime-dir", self.path("run")], env=self.environment(kill), stderr=log, stdout=log)
        log.close()
        if wait:
            self.await_(lambda: "in force" in open(self.path("bailiffd.log"), encoding="utf-8", errors="replace").read()[at:] or self.daemon.poll() is not None,
                        20, "bailiffd is ready")

    def start_courier(self, kill=""):
        log = open(self.path("courier.log"), "ab")
        self.courier = subprocess.Popen(["setpriv", "--reuid", str(COURIER_UID), "--regid", str(COURIER_UID), "--clear-groups",
                                         os.path.join(BUILD, "src/bailiff-courier"), "--config", self.path("etc/bailiff.yaml"), "--socket",
                                         self.path("run/control.sock")], env=self.environment(kill), stderr=log, stdout=log)
        log.close()

    def start(self):
        self.start_daemon()
        self.start_courier()

    @staticmethod
    def end(process, number=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(30)

    # ---- asking ----

    def await_(self, condition, seconds, what):
        limit = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > limit:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.02)

    def ctl(self, *words, expect=(0,), text=None):
        done = subprocess.run([os.path.join(BUILD, "src/bailiffctl"), "--socket", self.path("run/control.sock"), *words], capture_output=True, text=True,
                              input=text, check=False, timeout=120)
        check(done.returncode in expect, f"bailiffctl {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def ban(self, *addresses):
        self.ctl("set", "sshd", "banip", *addresses)

    def query(self, sql, *values):
        """Rows of the database. It may be in the middle of being made."""
        for _ in range(200):
            try:
                connection = sqlite3.connect(f"file:{self.path('state/bailiff.db')}?mode=ro", uri=True, timeout=10)
                try:
                    return connection.execute(sql, values).fetchall()
                finally:
                    connection.close()
            except sqlite3.OperationalError:
                time.sleep(0.05)
        raise AssertionError("the database cannot be read")

    def rows(self, address=None):
        """{(service, address): state} of the outbox."""
        return {(service, addr): state for service, addr, state in self.query("SELECT service, address, state FROM outbox ORDER BY id")
                if address in (None, addr)}

    def settled(self, address=None, n=1):
        rows = self.rows(address)
        return len(rows) >= n and all(state in FINAL for state in rows.values()) and rows

    def wait_settled(self, address=None, n=1, seconds=30):
        return self.await_(lambda: self.settled(address, n), seconds, f"reports of {address or 'all'} are settled: {self.rows(address)}")

    def fail_logins(self, address, n=5, user="root"):
        with open(self.path("log/auth.log"), "a", encoding="utf-8") as file:
            for i in range(n):
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime())} host sshd[{4711 + i}]: Failed password for {user} from {address} port"
                           f" {40000 + i} ssh2\n")

    # ---- what must hold ----

    SERVICES = {("abuseipdb", "report"): "abuseipdb", ("virustotal", "vote"): "virustotal-vote", ("virustotal", "comment"): "virustotal-comment"}

    def check_books(self):
        """The stub took nothing twice; what the outbox calls done it has, and what it lacks is unknown or waits."""
        doubles = self.stub.doubles(window=86400)
        check(not doubles, f"taken twice: {doubles}")
        taken = {(self.SERVICES[(a.service, a.kind)], a.address) for a in self.stub.accepted()}
        rows = self.rows()
        for key, state in rows.items():
            check(state != "done" or key in taken, f"{key} is done, and the stub does not have it")
            check(state in ("unknown", "queued", "in-flight", "refused", "expired", "dropped") or key in taken, f"{key} is {state} and missing")
        check(taken <= set(rows), f"the stub has what the outbox does not: {taken - set(rows)}")
        return taken

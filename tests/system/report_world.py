#!/usr/bin/env python3
"""report-stub for a test: started, moved in time, told its faults, and asked what it has seen.

    with Stub(directory) as stub:            makes the CA, starts it; at the end it is gone, its state stays
        stub.url("abuseipdb"), stub.ca       what the configuration needs
        stub.faults({"fault": "reset", "at": "stored", "count": 1}, switches={"bare_window": True})
        stub.advance(15 * 60)                the virtual clock; its file is stub.clock
        stub.requests(endpoint="report")     what came, as report-stub tells
        stub.accepted("virustotal")          what was taken in: a list of Accepted
        stub.doubles()                       what was taken in more than once: must be []

For shells, which start report-stub themselves:

    report_world.py accepted DIR [SERVICE]   a line for each: time, service, kind, address
    report_world.py doubles DIR [WINDOW]     the same for what came in twice; exit status 1 if there is any
    report_world.py faults DIR JSON          writes faults.json, whole or not at all

DIR is report-stub's --state-dir, WINDOW is in seconds: reports of an address that are farther apart are no doubles.
"""
import collections
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ABUSEIPDB_KEY, VIRUSTOTAL_KEY = "a" * 80, "b" * 64
WINDOW = 15 * 60

# `kind`: report (a bulk file's rows too), vote or comment; `stored`: the fields.
Accepted = collections.namedtuple("Accepted", "time service kind address stored")


def write_whole(path, text):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def read_requests(state, **where):
    """The lines of requests.jsonl that have these fields. The one that is being written is left out."""
    lines = []
    try:
        with open(os.path.join(state, "requests.jsonl"), "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    lines.append(json.loads(line))
    except FileNotFoundError:
        pass
    for line in lines:
        if "problem" in line:
            raise AssertionError(f"request {line['n']}: {line['problem']}")
    return [line for line in lines if all(line.get(name) == value for name, value in where.items())]


def read_accepted(state, service=None):
    return [Accepted(line["time"], line["service"], "report" if line["endpoint"] == "bulk" else line["endpoint"], stored["address"], stored)
            for line in read_requests(state) if line["accepted"] and service in (None, line["service"]) for stored in line["stored"]]


def read_doubles(state, window=WINDOW):
    """What was taken in again, by whatever key: a vote or a comment on an address ever, a report within `window` seconds."""
    last, doubles = {}, []
    for accepted in read_accepted(state):
        key = accepted[1:4]
        if key in last and (accepted.kind != "report" or accepted.time - last[key] < window):
            doubles.append(accepted)
        last[key] = accepted.time
    return doubles


class Stub:
    """`prefix` is a command that report-stub is run by, as nsenter's; `options` are report-stub's own. Certificates are made in
    `directory`, unless `certificates` names another that has them."""

    def __init__(self, directory, *options, prefix=(), certificates=None):
        self.directory, self.options, self.prefix = str(directory), list(options), list(prefix)
        self.state, self.clock = os.path.join(self.directory, "state"), os.path.join(self.directory, "clock")
        self.certificates = certificates or self.directory
        self.ca = os.path.join(self.certificates, "ca.pem")
        self.port_file, self.port, self.process = os.path.join(self.directory, "port"), 0, None
        os.makedirs(self.state, exist_ok=True)
        if not os.path.exists(self.ca):
            subprocess.run([os.path.join(HERE, "report-stub"), "--make-ca", self.certificates], check=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, certificate="server.pem"):
        """Starts it, at the port it had before, and waits until it listens."""
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.process = subprocess.Popen([
            *self.prefix, os.path.join(HERE, "report-stub"), "--port-file", self.port_file, "--cert", os.path.join(self.certificates, certificate),
            "--key", os.path.join(self.certificates, "server.key"), "--state-dir", self.state, "--clock", self.clock, "--port", str(self.port),
            *self.options])
        limit = time.monotonic() + 20
        while not os.path.exists(self.port_file):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError(f"report-stub did not start: {self.process.poll()}")
            time.sleep(0.01)
        with open(self.port_file, encoding="ascii") as file:
            self.port = int(file.read())

    def stop(self, signal_number=signal.SIGTERM):
        """Ends it and returns its exit status; None if it does not run. (A `prefix` must pass the signal on.)"""
        if not self.process:
            return None
        self.process.send_signal(signal_number)
        process, self.process = self.process, None
        return process.wait(20)

    def kill(self):
        return self.stop(signal.SIGKILL)

    def url(self, service, host="127.0.0.1"):
        return f"https://{host}:{self.port}/api/" + {"abuseipdb": "v2", "virustotal": "v3"}[service]

    def faults(self, *faults, switches=None):
        """What is in force from now on, instead of what was."""
        write_whole(os.path.join(self.state, "faults.json"), json.dumps({"switches": switches or {}, "faults": list(faults)}))

    def offset(self):
        try:
            with open(self.clock, encoding="ascii") as file:
                return float(file.read())
        except FileNotFoundError:
            return 0.0

    def now(self):
        """The virtual time."""
        return time.time() + self.offset()

    def advance(self, seconds):
        write_whole(self.clock, f"{self.offset() + seconds}\n")

    def requests(self, **where):
        return read_requests(self.state, **where)

    def accepted(self, service=None):
        return read_accepted(self.state, service)

    def doubles(self, window=WINDOW):
        return read_doubles(self.state, window)


def main(words):
    try:
        command, state, *rest = words
        if command == "faults":
            json.loads(rest[0])
            write_whole(os.path.join(state, "faults.json"), rest[0])
            return 0
        lines = read_doubles(state, *map(float, rest)) if command == "doubles" else read_accepted(state, *rest) if command == "accepted" else None
    except (ValueError, TypeError, IndexError, AssertionError) as error:
        print(f"report_world.py: {error}", file=sys.stderr)
        return 2
    if lines is None:
        print(f"report_world.py: no command {command}; there are accepted, doubles, faults", file=sys.stderr)
        return 2
    for accepted in lines:
        print(f"{accepted.time:.3f} {accepted.service} {accepted.kind} {accepted.address}")
    return int(command == "doubles" and bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

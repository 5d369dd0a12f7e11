"""From the files of a journal to what would be banned, without daemon: lines a second.

The floors are libsystemd's: one asks for each field that it wants by name, as its manual shows, the other takes them in one pass,
which costs less as soon as there are two.
"""
import os, subprocess

import data, peers
from bench import Contestant, Row, Skip

NAMES = ["journal to decisions"]


def fail2ban_regex(b, lines):
    libraries = {**os.environ, "PYTHONPATH": b.peer("debian/usr/lib/python3/dist-packages")}
    if subprocess.run(["/usr/bin/python3", "-c", "import systemd.journal"], env=libraries, capture_output=True).returncode != 0:
        raise Skip("Debian's python3-systemd does not work with this host's Python")
    return peers.fail2ban_regex(b, f"systemd-journal[journalpath={data.sshd_journal(b, lines)}]", lines)


def rows(b):
    count, few = b.size(400_000, 100_000, 2_000), b.size(20_000, 10_000, 100)
    journal, slice_ = data.sshd_journal(b, count), data.sshd_journal(b, few)
    ours = lambda path: [b.ctl, "plan", "--jail", "sshd", "--journal", "--journal-dir", str(path), "--json"]
    floor = lambda how, path: [b.tool("journal-floor"), how, str(path), "sshd"]

    yield Row("journal to decisions", "lines/s", [
        Contestant("bailiffctl plan", lambda: count / b.timed(ours(journal)), ours(slice_), few),
        Contestant("floor: fields by name", lambda: count / b.timed(floor("asked", journal)), floor("asked", slice_), few),
        Contestant("floor: one pass over fields", lambda: count / b.timed(floor("passed", journal)), floor("passed", slice_), few),
        Contestant("fail2ban-regex", lambda: fail2ban_regex(b, few)),
    ], aim="0.7 of the first floor")

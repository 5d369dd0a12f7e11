"""From the files of a journal to what would be banned, without daemon: lines a second.

The floors are libsystemd's: one asks for each field that it wants by name, as its manual shows, the other takes them in one pass,
which costs less as soon as there are two.
"""
import os, re, subprocess

import data
from bench import Contestant, Row, Skip

NAMES = ["journal to decisions"]


def fail2ban_regex(b, lines):
    """Its own figure, without its start."""
    program, libraries = b.peer("debian/usr/bin/fail2ban-regex"), b.peer("debian/usr/lib/python3/dist-packages")
    environment = {**os.environ, "PYTHONPATH": libraries}
    if subprocess.run(["/usr/bin/python3", "-c", "import systemd.journal"], env=environment, capture_output=True).returncode != 0:
        raise Skip("Debian's python3-systemd does not work with this host's Python")
    text = subprocess.run(["/usr/bin/python3", program, "-c", b.peer("debian/etc/fail2ban"),
                           f"systemd-journal[journalpath={data.sshd_journal(b, lines)}]", "sshd"], env=environment,
                          capture_output=True, text=True).stdout
    found = re.search(r"Lines: (\d+) lines.*\[processed in ([\d.]+) sec", text, re.S)
    if not found or int(found[1]) != lines:
        raise Skip(f"fail2ban-regex did not read the journal: {text[-200:]}")
    return lines / float(found[2])


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

"""From a log file to what would be banned, without daemon: lines a second."""
import os, re, subprocess

import data
from bench import Contestant, Row, Skip

NAMES = ["file to decisions"]


def fail2ban_regex(b, lines):
    """Its own figure, without its start."""
    program = b.peer("debian/usr/bin/fail2ban-regex")
    environment = {**os.environ, "PYTHONPATH": b.peer("debian/usr/lib/python3/dist-packages")}
    log = data.sshd_log(b, lines)
    text = subprocess.run(["/usr/bin/python3", program, "-c", b.peer("debian/etc/fail2ban"), str(log), "sshd"], env=environment,
                          capture_output=True, text=True).stdout
    found = re.search(r"Lines: (\d+) lines.*\[processed in ([\d.]+) sec", text, re.S)
    if not found or int(found[1]) != lines:
        raise Skip(f"fail2ban-regex did not read the log: {text[-200:]}")
    return lines / float(found[2])


def rows(b):
    count, few = b.size(2_000_000, 400_000, 5_000), b.size(20_000, 10_000, 100)
    log, slice_, patterns = data.sshd_log(b, count), data.sshd_log(b, few), data.sshd_patterns(b)
    ours = lambda path: [b.ctl, "plan", "--jail", "sshd", "--file", str(path), "--json"]

    def floor():
        return count / b.timed([b.tool("match-floor"), str(patterns), str(log)])

    def sshguard():
        with open(log) as text:
            return count / b.timed([b.peer("debian/usr/libexec/sshguard/sshg-parser")], stdin=text)

    def rust():
        program, config = b.peer("cargo/bin/fail2ban-rs"), b.scratch / "fail2ban-rs.toml"
        jail = subprocess.run([program, "gen-config", "sshd"], check=True, capture_output=True).stdout
        config.write_bytes(b"[global]\n" + jail)
        return count / b.timed([program, "dry-run", "--config", str(config), "--jail", "sshd", str(log)])

    yield Row("file to decisions", "lines/s", [
        Contestant("bailiffctl plan", lambda: count / b.timed(ours(log)), ours(slice_), few),
        Contestant("floor: mmap and PCRE2", floor, [str(b.build / "tests/match-floor"), str(patterns), str(slice_)], few),
        Contestant("fail2ban-rs", rust),
        Contestant("sshg-parser", sshguard),
        Contestant("fail2ban-regex", lambda: fail2ban_regex(b, few)),
    ], aim="0.4 of the floor, 100 times fail2ban-regex, 2.5 times fail2ban-rs")

"""From a log file to what would be banned, without daemon: lines a second."""
import subprocess

import data, peers
from bench import Contestant, Row

NAMES = ["file to decisions"]


def rows(b):
    count, few = b.size(2_000_000, 400_000, 5_000), b.size(20_000, 10_000, 100)
    # fail2ban-regex keeps each line that it has read, and is the slower the more they are: it gets as many as there is time for.
    some = b.size(400_000, 20_000, 100)
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
        Contestant("fail2ban-regex", lambda: peers.fail2ban_regex(b, str(data.sshd_log(b, some)), some)),
    ], aim="0.4 of the floor, 100 times fail2ban-regex, 2.5 times fail2ban-rs")

"""From the write of the line that decides to the element in the kernel; see latency.py, which measures within each daemon's world.

A daemon is started anew for each round. Medians and 99th percentiles are of the same rounds.
"""
import itertools, json, subprocess, sys

import daemon, peers
from bench import HERE, Contestant, Row, Skip

TRAFFIC = 5000
LOADS = {"quiet": 0, f"{TRAFFIC:,} lines/s beside": TRAFFIC}
AIMS = {"file": ("2", "10"), "journal": ("5", "20")}
name_of = lambda source, load, what: f"line to ban, {source}, {load}: {what}"
SILENCE = "line to ban, journal, after silence"
NAMES = [name_of(source, load, what) for source in AIMS for load in LOADS for what in ("median", "p99")] + [SILENCE]
JOURNAL = "firewall: nftables\njails: {{ sshd: {{ sources: [journal], findtime: 1d, maxretry: 5, bantime: 30d }} }}\n"


class Floor(peers.Peer):
    """latency-floor."""

    def __init__(self, world, source):
        super().__init__(world)
        self.words = [world.bench.tool("latency-floor"), source, *([self.lines] if source == "file" else [])]

    def start(self):
        self.world.run("nft", "add table inet floor; add set inet floor any4 { type ipv4_addr; flags timeout; }")
        self.launch(self.words)

    def is_ready(self):
        return "ready" in self.log.read_text()


class Rounds:
    """Measures one daemon; whatever row asks for a figure of a round, the round goes once."""

    def __init__(self, b, source, make, attacks, traffic=0, options=()):
        self.bench, self.source, self.make, self.traffic, self.done = b, source, make, traffic, []
        self.options = ["--attacks", attacks, "--traffic", traffic, *options]

    def measure(self):
        world_of = daemon.World if self.source == "file" else daemon.JournalWorld
        with world_of(self.bench, "latency") as world, self.make(world) as program:
            program.start()
            where = ["--file", program.lines] if self.source == "file" else []
            done = subprocess.run(world.command(sys.executable, "-B", HERE / "latency.py", "--json", *where, *self.options), capture_output=True, text=True)
            if done.returncode != 0:
                self.give_up(program, done.stderr)
        found = json.loads(done.stdout)
        if found["traffic"] < 0.9 * self.traffic:
            raise Skip(f"only {found['traffic']:.0f} other lines a second could be written")
        return found

    @staticmethod
    def give_up(program, text):
        if isinstance(program, daemon.Daemon):
            # A ban that did not come is worse than a slow one: whatever tells why is printed.
            told = [program.answer("why", text.split()[0]), program.answer("status", "--json")] if "was not banned" in text else []
            if isinstance(program.world, daemon.JournalWorld):
                told.append(subprocess.run(program.world.command("journalctl", "-o", "verbose", "-n", 12), capture_output=True, text=True).stdout[-12000:])
            daemon.fail("\n".join([text, *told, program.log.read_text(errors="replace")[-2000:]]))
        raise Skip(text.strip()[-300:])

    def round(self, i):
        while len(self.done) <= i:
            try:
                self.done.append(self.measure())
            except Skip as reason:
                self.done.append(reason)
        if isinstance(self.done[i], Skip):
            raise self.done[i]
        return self.done[i]

    def figures(self, which):
        """What a contestant is measured with: each call is one round more."""
        numbers = itertools.count()
        return lambda: self.round(next(numbers))[which]


def contestants(b, source, load, attacks):
    """Rounds of each, by name. The peers look at their logs a few times a second, which takes long; they are attacked less often."""
    file, traffic, before = source == "file", min(load, b.size(TRAFFIC, TRAFFIC, 500)), ["--before", b.size(3, 3, 1)]
    ours = lambda make: Rounds(b, source, make, attacks, traffic, before)
    theirs = lambda make: Rounds(b, source, make, attacks // 5, traffic, [*before, "--scatter", 1])
    yield "bailiffd", ours(daemon.Daemon if file else lambda world: daemon.Daemon(world, JOURNAL))
    yield "floor: " + ("inotify" if file else "looks every ms"), ours(lambda world: Floor(world, source))
    if file:
        yield "fail2ban-rs", theirs(peers.Fail2banRs)
    yield "fail2ban-server", theirs(lambda world: peers.Fail2ban(world, "pyinotify" if file else "systemd"))


def rows(b):
    attacks, n_rounds = b.size(100, 50, 5), b.size(3, 2, 1)
    for source, aims in AIMS.items():
        for load, traffic in LOADS.items():
            all_rounds = list(contestants(b, source, traffic, attacks))
            for what, aim in zip(("median", "p99"), aims):
                yield Row(name_of(source, load, what), "ms", [Contestant(name, rounds.figures(what)) for name, rounds in all_rounds],
                          more=False, rounds=n_rounds, aim=aim)
    silent = {"bailiffd": lambda world: daemon.Daemon(world, JOURNAL), "fail2ban-server": lambda world: peers.Fail2ban(world, "systemd")}
    silences = [(name, Rounds(b, "journal", make, 1, options=["--silence", b.size(13, 13, 0)])) for name, make in silent.items()]
    yield Row(SILENCE, "ms", [Contestant(name, rounds.figures("median")) for name, rounds in silences], more=False, rounds=3, aim="1200")

"""What quiet costs: wake-ups and processor time of daemons that have banned somebody and then see nothing come."""
import contextlib, random, subprocess, time

import daemon, data, peers
from bench import ROOT, Contestant, Row, Skip

NAMES = ["idle wake-ups", "idle processor time"]
ATTACKER = "203.0.113.9"

# lib-daemon's journald and bailiffd, in namespaces of their own, which end with the script's input.
SCRIPT = """
. tests/system/lib-daemon
journal_start volatile >&2
daemon_start >&2 || exit 1
fail_login 203.0.113.9 5
await 20 element 203.0.113.9 || exit 1
echo "$daemon_real"
read -r _
daemon_stop
"""


@contextlib.contextmanager
def with_journal():
    """The process id of a bailiffd that reads a journal."""
    with subprocess.Popen(["bash", "-c", SCRIPT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as script:
        line = script.stdout.readline().strip()
        if not line.isdigit():
            raise Skip(f"there is no journal here: {line}")
        try:
            yield int(line)
        finally:
            script.stdin.close()
            script.wait()


def attack(lines):
    daemon.append(lines, data.attack([ATTACKER], 5, random.Random(data.SEED))[0])


@contextlib.contextmanager
def with_files(b, name, state=None):
    with daemon.World(b, name) as world, daemon.Daemon(world, state=state) as bailiff:
        bailiff.start()
        attack(bailiff.lines)
        daemon.until(lambda: world.holds([ATTACKER]), 20, "a ban")
        yield bailiff.pid
        bailiff.stop()


@contextlib.contextmanager
def with_peer(b, name, kind):
    with daemon.World(b, name) as world, kind(world) as peer:
        peer.start()
        attack(peer.lines)
        peer.await_bans([ATTACKER])
        yield peer.process.pid


class Quiet:
    """Figures of all daemons over the same seconds, a sample a round; each row takes its own out of it."""

    def __init__(self, seconds):
        self.pids, self.reasons, self.seconds, self.samples, self.used = {}, {}, seconds, [], {}

    def add(self, stack, name, beginning):
        try:
            self.pids[name] = stack.enter_context(beginning)
        except Skip as reason:
            self.reasons[name] = reason

    def look(self):
        return {name: (time.monotonic(), daemon.wakeups(pid), daemon.cpu_seconds(pid)) for name, pid in self.pids.items()}

    def sample(self):
        before = self.look()
        time.sleep(self.seconds)
        after = self.look()
        return {name: [(a - b) / (after[name][0] - before[name][0]) for a, b in zip(after[name], before[name])] for name in before}

    def figure(self, name, which):
        if name in self.reasons:
            raise self.reasons[name]
        at = self.used.get((name, which), 0)
        self.used[name, which] = at + 1
        while len(self.samples) <= at:
            self.samples.append(self.sample())
        return self.samples[at][name][which]

    def contestants(self, which, factor=1):
        return [Contestant(name, lambda name=name: factor * self.figure(name, which)) for name in [*self.pids, *self.reasons]]


def rows(b):
    quiet, many = Quiet(b.size(30, 10, 2)), b.size(100_000, 100_000, 200)
    state = daemon.store_with_bans(b, many, data.address_list(b, many))
    with contextlib.ExitStack() as stack:
        quiet.add(stack, "bailiffd, journal", with_journal())
        quiet.add(stack, "bailiffd, files", with_files(b, "idle-files"))
        quiet.add(stack, f"bailiffd, files, {many:,} bans", with_files(b, "idle-bans", state))
        quiet.add(stack, "fail2ban-rs, files", with_peer(b, "idle-rust", peers.Fail2banRs))
        quiet.add(stack, "fail2ban-server, files", with_peer(b, "idle-python", peers.Fail2ban))
        time.sleep(b.size(15, 15, 0))     # the attack is over ten seconds after its last line
        yield Row("idle wake-ups", "/s", quiet.contestants(1), more=False, rounds=3)
        yield Row("idle processor time", "% of a core", quiet.contestants(2, 100), more=False, rounds=3, aim="0.1")

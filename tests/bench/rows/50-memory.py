"""Memory for an address that is watched, and for one that is banned: bytes of RssAnon above those of the empty daemon."""
import random

import daemon, data, peers
from bench import Contestant, Row

NAMES = ["memory of a tracked address", "memory of a ban by hand", "memory of a ban with its lines"]


class Sizes:
    """What a process grows by: figures of several measurements, of which the first contestant makes all."""

    def __init__(self, count):
        self.count, self.before, self.figures = count, {}, {}

    def begin(self, pid):
        self.before = {name: daemon.memory(pid, name) for name in ("RssAnon", "VmRSS")}

    def take(self, pid, what, name="RssAnon"):
        self.figures[what] = (daemon.memory(pid, name) - self.before[name]) / self.count
        return self.figures[what]


def once(addresses):
    """A failure each, and five of the last, whose ban shows that the others have been read."""
    text, _ = data.attack(addresses, 1, random.Random(data.SEED))
    return text + data.attack(["198.51.100.7"], 5, random.Random(data.SEED))[0]


def row(name, world, count, load, contestants=()):
    """load(bailiff) fills a daemon that has just started."""
    sizes = Sizes(count)

    def loaded():
        with daemon.Daemon(world) as bailiff:
            bailiff.start()
            bailiff.settle()
            sizes.begin(bailiff.pid)
            load(bailiff)
            bailiff.settle()
            figure = sizes.take(bailiff.pid, "loaded")
            sizes.take(bailiff.pid, "whole", "VmRSS")
            bailiff.stop()
            bailiff.start()
            sizes.take(bailiff.pid, "restarted")
            bailiff.stop()
            world.clean()
        return figure

    return Row(name, "bytes", [
        Contestant("bailiffd, as it came to it", loaded),
        Contestant("the same by VmRSS", lambda: sizes.figures["whole"]),
        Contestant("bailiffd, started again", lambda: sizes.figures["restarted"]),
        *contestants,
    ], more=False, rounds=3)


def rows(b):
    tracked, banned, attackers = b.size(200_000, 50_000, 2_000), b.size(100_000, 50_000, 2_000), b.size(20_000, 10_000, 500)
    few = b.size(20_000, 10_000, 100)
    addresses = data.address_list(b, max(tracked, banned))

    with daemon.World(b, "memory") as world:
        def watch(bailiff):
            daemon.append(bailiff.lines, once(addresses[:tracked]))
            daemon.until(lambda: world.holds(["198.51.100.7"]), 120, "the ban behind all the lines")
            if (windows := bailiff.status()["windows"]) < tracked * 0.99:
                daemon.fail(f"{windows} of {tracked} addresses are watched")

        def ban(bailiff):
            bailiff.ban_all(addresses[:banned])

        def attack(bailiff):
            text, last = data.attack(addresses[:attackers], 5, random.Random(data.SEED))
            daemon.append(bailiff.lines, text)
            daemon.until(lambda: world.holds([last], narrow=False), 120, "the last attacker's ban")

        def peer(kind, count):
            with kind(world) as other:
                sizes = Sizes(count)
                other.start()
                sizes.begin(other.process.pid)
                daemon.append(other.lines, once(addresses[:count]))
                other.await_bans(["198.51.100.7"])
                return sizes.take(other.process.pid, "loaded")

        yield row("memory of a tracked address", world, tracked, watch, [
            Contestant("fail2ban-rs", lambda: peer(peers.Fail2banRs, tracked)),
            Contestant("fail2ban-server", lambda: peer(peers.Fail2ban, few)),
        ])
        yield row("memory of a ban by hand", world, banned, ban)
        yield row("memory of a ban with its lines", world, attackers, attack)

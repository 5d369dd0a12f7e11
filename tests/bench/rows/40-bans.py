"""Bans a second up to the last element in the kernel: from a list, and from attackers' lines in a log file."""
import random, time

import daemon, data, peers
from bench import Contestant, Row

NAMES = ["bans from a list", "bans from a log"]
FAILURES = 5


def rows(b):
    count, attackers, few = b.size(100_000, 100_000, 500), b.size(20_000, 20_000, 100), b.size(1_000, 300, 10)
    addresses = data.address_list(b, count)
    elements, fewer_elements = (daemon.nft_file(b.scratch / f"elements-{n}.nft", addresses[:n]) for n in (count, attackers))

    with daemon.World(b, "bans") as world:
        def by_list():
            with daemon.Daemon(world) as bailiff:
                bailiff.start()
                seconds = bailiff.ban_all(addresses)
                if not world.holds(addresses):
                    daemon.fail("answered, and not all of the list are in the kernel")
                bailiff.stop()
                world.clean()
            return count / seconds

        def by_log():
            with daemon.Daemon(world) as bailiff:
                bailiff.start()
                text, last = data.attack(addresses[:attackers], FAILURES, random.Random(data.SEED))
                began = daemon.append(bailiff.lines, text)
                ended = daemon.until(lambda: world.holds([last], narrow=False), 120, "the last attacker's ban", pause=0.002)
                if not world.holds(addresses[:attackers], narrow=False):
                    daemon.fail("the last attacker is banned, and others are not")
                bailiff.stop()
                world.clean()
            return attackers / (ended - began)

        def peer_by_list(kind):
            with kind(world) as peer:
                peer.start()
                began = time.monotonic()
                peer.ban(addresses[:few])
                return few / (peer.await_bans(addresses[:few]) - began)

        def peer_by_log(kind):
            with kind(world) as peer:
                peer.start()
                text, _ = data.attack(addresses[:few], FAILURES, random.Random(data.SEED))
                began = daemon.append(peer.lines, text)
                return few / (peer.await_bans(addresses[:few]) - began)

        yield Row("bans from a list", "bans/s", [
            Contestant("bailiffctl banip JAIL -", by_list),
            Contestant("floor: nft -f", lambda: count / daemon.nft_floor(world, elements)),
            Contestant("fail2ban-rs ban, each", lambda: peer_by_list(peers.Fail2banRs)),
            Contestant("fail2ban-client banip ...", lambda: peer_by_list(peers.Fail2ban)),
        ], aim="20,000")
        yield Row("bans from a log", "bans/s", [
            Contestant("bailiffd", by_log),
            Contestant("floor: nft -f", lambda: attackers / daemon.nft_floor(world, fewer_elements)),
            Contestant("fail2ban-rs", lambda: peer_by_log(peers.Fail2banRs)),
            Contestant("fail2ban-server", lambda: peer_by_log(peers.Fail2ban)),
        ], aim="20,000")

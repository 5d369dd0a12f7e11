"""From the start of bailiffd to READY=1 and to the last element in the kernel: seconds, with a store full of bans and an empty kernel."""
import random, time

import daemon, data, peers
from bench import Contestant, Row

NAMES = ["start, empty store", "restore, 100,000 bans", "restore, 1,000,000 bans"]
SAMPLE = 500    # of the bans, that are asked for while it starts: the last of them is the last of all, nearly


def started(world, kind):
    with kind(world) as peer:
        began = time.monotonic()
        peer.start()
        return time.monotonic() - began


def from_nothing(world):
    with daemon.Daemon(world) as bailiff:
        seconds = bailiff.start()
        bailiff.stop()
        world.clean()
    return seconds


def restore_row(b, world, count, name, rounds):
    addresses = data.address_list(b, count)
    state, elements = daemon.store_with_bans(b, count, addresses), daemon.nft_file(b.scratch / f"restore-{count}.nft", addresses)
    sample = random.Random(data.SEED).sample(addresses, min(count, SAMPLE))
    last = []

    def check():
        if not world.holds(daemon.some_of(addresses)):
            daemon.fail("not all bans came back")
        world.clean()

    def to_ready():
        with daemon.Daemon(world, state=state) as bailiff:
            ready, seen = bailiff.start_and_see(lambda: world.holds(sample))
            last.append(seen)
            bailiff.stop()
            check()
        return ready

    def only():
        with daemon.Daemon(world, state=state) as bailiff:
            seconds = bailiff.restore_only()
            check()
        return seconds

    yield Row(name, "s", [
        Contestant("bailiffd, to READY=1", to_ready),
        Contestant("bailiffd, to the last ban", lambda: last[-1]),
        Contestant("bailiffd --restore-only", only),
        Contestant("floor: nft -f", lambda: daemon.nft_floor(world, elements)),
    ], more=False, rounds=rounds)


def rows(b):
    with daemon.World(b, "restore") as world:
        yield Row("start, empty store", "s", [
            Contestant("bailiffd, to READY=1", lambda: from_nothing(world)),
            Contestant("fail2ban-rs, to its answer", lambda: started(world, peers.Fail2banRs)),
            Contestant("fail2ban-server, likewise", lambda: started(world, peers.Fail2ban)),
        ], more=False)
        yield from restore_row(b, world, b.size(100_000, 100_000, 300), "restore, 100,000 bans", None)
        if not (b.quick or b.smoke):
            yield from restore_row(b, world, 1_000_000, "restore, 1,000,000 bans", 3)

"""What a packet costs that is not banned and so walks the whole chain, whatever the number of bans: nanoseconds from a sender to a
receiver's socket, in network namespaces that lead nowhere else."""
import contextlib, re, socket, time

import daemon, data
from bench import Contestant, Row

NAMES = ["packet cost"]
PORT = 9


class Receiver:
    """A world behind a veth of the sender's, with a socket that takes packets and lets them drop. bans 0: no table."""

    def __init__(self, b, stack, sender, number, bans):
        self.bench, self.sender, self.number = b, sender, number
        self.world = stack.enter_context(daemon.World(b, f"packets-{number}"))
        self.address, ours, theirs = f"192.0.2.{4 * number + 2}", f"to{number}", f"from{number}"
        sender.run("ip", "link", "add", "name", ours, "type", "veth", "peer", "name", theirs, "netns", self.world.name)
        for world, device, address in ((sender, ours, f"192.0.2.{4 * number + 1}"), (self.world, theirs, self.address)):
            world.run("ip", "address", "add", f"{address}/30", "dev", device)
            world.run("ip", "link", "set", device, "up")
        # The packets' sources are invented.
        for name in ("all", theirs):
            self.world.run("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0")
        self.must_be_closed(theirs)
        self.sink = stack.enter_context(self.world.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sink.bind((self.address, PORT))
        if bans:
            self.ban(bans)

    def must_be_closed(self, *devices):
        """Nothing leads out of either namespace."""
        for world, allowed in ((self.world, {"lo", *devices}), (self.sender, {"lo", *(f"to{n}" for n in range(self.number + 1))})):
            links = set(re.findall(r"^\d+: ([^:@]+)", world.run("ip", "-o", "link"), re.M))
            routes = world.run("ip", "route", "show", "table", "all") + world.run("ip", "-6", "route", "show", "table", "all")
            if links - allowed or "default" in routes or " via " in routes:
                daemon.fail(f"{world.name} leads somewhere: {links} {routes}")

    def ban(self, bans):
        addresses = data.address_list(self.bench, bans)
        with daemon.Daemon(self.world, state=daemon.store_with_bans(self.bench, bans, addresses)) as bailiff:
            bailiff.start()
            bailiff.stop()  # the bans stay, and it does not disturb
        if not self.world.holds(daemon.some_of(addresses)) or self.world.holds([f"192.0.2.{4 * self.number + 1}"]):
            daemon.fail("not the bans that were wanted")

    def delivered(self):
        """Packets that have passed all chains of this namespace."""
        names, figures = re.findall(r"^Ip: (.*)", self.world.run("cat", "/proc/net/snmp"), re.M)
        return int(dict(zip(names.split(), figures.split()))["InDelivers"])

    def measure(self, count):
        before = self.delivered()
        each = float(self.sender.run(self.bench.tool("packet-send"), self.address, PORT, count))
        time.sleep(0.05)
        arrived = self.delivered() - before
        if not 0.99 * count <= arrived <= count + 100:
            daemon.fail(f"{arrived} of {count} packets arrived")
        return each


def rows(b):
    count = b.size(1_000_000, 300_000, 2_000)
    with contextlib.ExitStack() as stack:
        sender = stack.enter_context(daemon.World(b, "packets"))
        contestants = []
        for number, bans in enumerate([1, b.size(10_000, 10_000, 100), *([1_000_000] if not (b.quick or b.smoke) else []), 0]):
            receiver = Receiver(b, stack, sender, number, bans)
            contestants.append(Contestant(f"bailiff, {bans:,} ban{'s'[:bans != 1]}" if bans else "floor: no table",
                                          lambda receiver=receiver: receiver.measure(count)))
        yield Row("packet cost", "ns", contestants, more=False)

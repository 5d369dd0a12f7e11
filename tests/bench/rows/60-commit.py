"""What a transaction of the store costs until it is on disk; and a command, which is answered after kernel and disk."""
import os, shutil, statistics, subprocess, tempfile, time

import daemon, data
from bench import Contestant, Row

NAMES = ["commit of a ban", "commit of 10,000 windows"]


def file_system(path):
    return subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", path], capture_output=True, text=True).stdout.strip() or "an unknown file system"


def synced_writes(directory, size, count):
    """Milliseconds each, in a file that has its blocks already, as SQLite's log mostly has."""
    times, block = [], os.urandom(size)
    with tempfile.TemporaryFile(dir=directory) as file:
        os.pwrite(file.fileno(), bytes(size), 0)
        os.fsync(file.fileno())
        for _ in range(count):
            began = time.monotonic()
            os.pwrite(file.fileno(), block, 0)
            os.fdatasync(file.fileno())
            times.append(1000 * (time.monotonic() - began))
    return statistics.median(times)


class Commits:
    """The store's times, and with how many bytes the floor has to be measured."""

    def __init__(self, b, bans, windows, transactions):
        self.bench, self.words, self.transactions, self.size = b, [bans, windows, transactions], transactions, 0

    def store(self):
        directory = tempfile.mkdtemp(dir=self.bench.scratch)
        text = subprocess.run([self.bench.tool("commit-probe"), directory, *map(str, self.words)], check=True, capture_output=True, text=True).stdout
        shutil.rmtree(directory)
        lines = [line.split() for line in text.splitlines()]
        self.size = round(statistics.median(int(size) for _, size in lines))
        return statistics.median(float(msec) for msec, _ in lines)

    def floor(self):
        return synced_writes(self.bench.scratch, self.size, self.transactions)


def answered(world, addresses):
    """Milliseconds of one ban by hand after the other, over one connection."""
    times = []
    with daemon.Daemon(world) as bailiff:
        bailiff.start()
        with bailiff.connect() as control:
            for address in addresses:
                began = time.monotonic()
                answer = daemon.call(control, "Ban", jail="sshd", address=address)
                times.append(1000 * (time.monotonic() - began))
                if not answer["remembered"]:
                    daemon.fail("answered before the disk had it")
        bailiff.stop()
        world.clean()
    return statistics.median(times)


def rows(b):
    single, many = Commits(b, 1, 0, b.size(200, 100, 5)), Commits(b, 0, b.size(10_000, 10_000, 100), b.size(20, 10, 2))
    some = data.address_list(b, 500)[:b.size(200, 100, 5)]
    where = f"write, fdatasync ({file_system(b.scratch)})"
    with daemon.World(b, "commit") as world:
        yield Row("commit of a ban", "ms", [
            Contestant("the store", single.store),
            Contestant(f"floor: {where}", single.floor),
            Contestant("banip, answered", lambda: answered(world, some)),
        ], more=False)
    yield Row("commit of 10,000 windows", "ms", [
        Contestant("the store", many.store),
        Contestant(f"floor: {where}", many.floor),
    ], more=False)

#!/usr/bin/env python3
"""From the write of the line that decides to the element in the kernel, for whatever daemon bans in this network namespace.

    latency.py [--file LOG] [--attacks N] [--traffic LINES-A-SECOND] [--scatter SECONDS] [--name NAME] [--bound MEDIAN P99] [--json]
    latency.py [--file LOG] --attacks 1 --silence SECONDS ...

Lines are sshd's; they go to the journal, or into LOG as a syslog daemon writes it. An attack is four wrong passwords, then 50 to
60 ms later, so that it comes alone, the fifth; the daemon has to ban after the fifth. The ends are told by the kernel itself
(nftables' events). Attacks follow one another, the first few are not counted: an attack is on. Before each is a pause of up to
--scatter (0.01): who looks at his log every so often must not find it always at the same moment of that. With --silence all
are counted, none follows another in less, and the fifth line comes with the four.

Traffic is of lines that ban nobody: half of them sshd's, half of other programs. --bound: exit status 1 above so many ms.
"""
import argparse, ctypes, json, math, multiprocessing, os, random, select, socket, struct, sys, time

NETLINK_NETFILTER, NFNLGRP_NFTABLES, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM = 12, 7, 10, 12
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE, PR_SET_NAME = 270, 1, 33, 15
DECIDES = 40004     # the port that the fifth line tells; the floor knows it
LIMIT = 15          # seconds, then a ban is taken for missing
SSHD = [
    "Accepted publickey for deploy from 192.0.2.{n} port {port} ssh2: ED25519 SHA256:q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80",
    "pam_unix(sshd:session): session opened for user deploy(uid=1001) by (uid=0)",
    "Received disconnect from 192.0.2.{n} port {port}:11: disconnected by user",
    "Disconnected from user deploy 192.0.2.{n} port {port}",
    "pam_unix(sshd:session): session closed for user deploy",
]
OTHERS = [
    "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
    "(root) CMD (test -x /usr/local/bin/collect && /usr/local/bin/collect --host {n} --port {port})",
    "pam_unix(cron:session): session closed for user root",
]


class Journal:
    """Entries by the native protocol. Of whom they are, journald takes from the kernel: `name` is this process's from now on."""

    def __init__(self, name):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
        self.name, self.socket = name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect("/run/systemd/journal/socket")

    def write(self, message, pid):
        self.socket.send(f"SYSLOG_IDENTIFIER={self.name}\nPRIORITY=6\nMESSAGE={message}\n".encode())


class File:
    def __init__(self, path, name):
        self.fd, self.name = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), name

    def write(self, message, pid):
        os.write(self.fd, f"{time.strftime('%b %e %H:%M:%S')} host {self.name}[{pid}]: {message}\n".encode())


def log_of(arguments, name):
    return File(arguments.file, name) if arguments.file else Journal(name)


# ---- other lines in the same log ----

def make_traffic(arguments, name, kinds, seed, rate, written):
    """For ever, some every millisecond; what could not be written in time is made up for."""
    log, rng, began = log_of(arguments, name), random.Random(seed), time.monotonic()
    while True:
        while written.value < (time.monotonic() - began) * rate:
            log.write(rng.choice(kinds).format(n=rng.randrange(1, 255), port=rng.randrange(1024, 40000)), rng.randrange(1000, 30000))
            written.value += 1
        time.sleep(0.001)


class Traffic:
    """Two processes, as what a process is named counts in the journal. rate() is what they have managed."""

    def __init__(self, arguments):
        self.written = [multiprocessing.Value("Q", 0, lock=False) for _ in range(2)]
        self.writers = [multiprocessing.Process(target=make_traffic, args=(arguments, name, kinds, i, arguments.traffic / 2, self.written[i]), daemon=True)
                        for i, (name, kinds) in enumerate((("sshd", SSHD), ("CRON", OTHERS)))] if arguments.traffic else []

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        self.began = time.monotonic()
        return self

    def rate(self):
        return sum(w.value for w in self.written) / (time.monotonic() - self.began)

    def __exit__(self, *_):
        for writer in self.writers:
            writer.terminate()
            writer.join()


# ---- attacks ----

def address(n):
    """One that documentation may use; no packet is sent."""
    assert n < 500, "there are not so many addresses"
    return f"{('198.51.100', '203.0.113')[n // 250]}.{n % 250 + 1}"


class Kernel:
    def __init__(self):
        self.events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.events.bind((0, 0))
        self.events.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES)

    def banned_at(self, text, limit):
        """When an element with this address was added, in whatever set; None: it was not."""
        key, until = socket.inet_aton(text), time.monotonic() + limit
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.events], [], [], left)[0]:
                continue
            data, at = self.events.recv(1 << 16), time.monotonic()
            while len(data) >= 16:
                size, kind = struct.unpack_from("=IH", data)
                if kind == NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM and key in data[16:size]:
                    return at
                data = data[(size + 3) & ~3:]
        return None


def attack(log, kernel, n, pause):
    """Milliseconds."""
    who = address(n)
    say = lambda i: log.write(f"Failed password for root from {who} port {DECIDES - 4 + i} ssh2", 40000 + n)
    for i in range(4):
        say(i)
    time.sleep(pause)
    began = time.monotonic()
    say(4)
    ended = kernel.banned_at(who, LIMIT)
    if ended is None:
        sys.exit(f"{who} was not banned in {LIMIT} s")
    return (ended - began) * 1000


def measure(arguments):
    """Milliseconds of each attack, and lines a second of the traffic."""
    kernel, rng = Kernel(), random.Random()
    with Traffic(arguments) as traffic:     # forks, so it comes before what names this process
        log = log_of(arguments, "sshd")
        times = []
        for i in range(arguments.attacks + arguments.before):
            time.sleep(arguments.silence or rng.uniform(0, arguments.scatter))
            took = attack(log, kernel, arguments.first + i, 0 if arguments.silence is not None else rng.uniform(0.05, 0.06))
            if i >= arguments.before:
                times.append(took)
        return times, traffic.rate()


def quantile(times, q):
    """The nearest rank."""
    return sorted(times)[math.ceil(len(times) * q) - 1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--file")
    parser.add_argument("--attacks", type=int, default=100)
    parser.add_argument("--before", type=int, help="attacks that are not counted")
    parser.add_argument("--first", type=int, default=0, help="number of the first attacker")
    parser.add_argument("--scatter", type=float, default=0.01)
    parser.add_argument("--silence", type=float)
    parser.add_argument("--traffic", type=int, default=0)
    parser.add_argument("--name", default="line to ban")
    parser.add_argument("--bound", type=float, nargs=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.before is None:
        arguments.before = 3 if arguments.silence is None else 0
    times, rate = measure(arguments)
    median, p99 = quantile(times, 0.5), quantile(times, 0.99)
    if arguments.json:
        print(json.dumps({"times": times, "median": median, "p99": p99, "traffic": rate}))
    else:
        print(f"{arguments.name}: median {median:.2f} ms, p99 {p99:.2f} ms, max {max(times):.2f} ms ({len(times)} attacks)", flush=True)
    if arguments.bound and (median > arguments.bound[0] or p99 > arguments.bound[1]):
        sys.exit(f"{arguments.name}: more than {arguments.bound[0]:g} ms at the median or {arguments.bound[1]:g} ms at p99")


if __name__ == "__main__":
    main()

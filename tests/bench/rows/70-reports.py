"""What reports cost a ban: nothing that can be seen. The same daemon with and without, in turns; no courier carries them away.

The addresses are generated; no packet goes there, and nobody is told of them.
"""
import random

import daemon, data
from bench import Contestant, Row

NAMES = ["bans from a log, each reported", "banip of one address, reported"]
FAILURES = 5
SILENT = daemon.FILES
REPORTED = SILENT.replace("bantime: 30d", "bantime: 30d, report: {{ abuseipdb: {{ categories: [18, 22] }}, virustotal: {{ vote: malicious, comment: true }} }}") + (
    "reports: {{ abuseipdb: {{ key_file: /nonexistent/abuseipdb.key }}, virustotal: {{ key_file: /nonexistent/virustotal.key }} }}\n")


def rows(b):
    attackers, singles = b.size(20_000, 20_000, 100), b.size(300, 100, 5)
    addresses = data.address_list(b, attackers)

    with daemon.World(b, "reports") as world:
        def by_log(configuration):
            with daemon.Daemon(world, configuration) as bailiff:
                bailiff.start()
                text, last = data.attack(addresses, FAILURES, random.Random(data.SEED))
                began = daemon.append(bailiff.lines, text)
                ended = daemon.until(lambda: world.holds([last], narrow=False), 120, "the last attacker's ban", pause=0.002)
                bailiff.stop()
                world.clean()
            return attackers / (ended - began)

        def by_hand(configuration):
            with daemon.Daemon(world, configuration) as bailiff:
                bailiff.start()
                times = sorted(b.timed(world.command(b.ctl, "--socket", bailiff.run / "control.sock", "banip", "sshd", address)) for address in addresses[:singles])
                bailiff.stop()
                world.clean()
            return times[len(times) // 2] * 1000

        yield Row(NAMES[0], "bans/s", [
            Contestant("three reports each", lambda: by_log(REPORTED)),
            Contestant("without reports", lambda: by_log(SILENT)),
        ], note="with the kernel's element as the end; reports are written by the store's thread")
        yield Row(NAMES[1], "ms", [
            Contestant("three reports each", lambda: by_hand(REPORTED)),
            Contestant("without reports", lambda: by_hand(SILENT)),
        ], more=False, note="until kernel and disk have it, the client's start included")

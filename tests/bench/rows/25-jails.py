"""What many jails cost that read the same lines with the same filter: lines of the file a second, not lines times jails."""
import string

import data
from bench import Contestant, Row

NAMES = ["20 jails against one"]


def rows(b):
    count, few = b.size(500_000, 100_000, 2_000), b.size(10_000, 5_000, 100)
    log, slice_ = data.sshd_log(b, count), data.sshd_log(b, few)

    def plan(jails, path):
        config = b.scratch / f"{jails}-jails.yaml"
        config.write_text("".join(["jails:\n", *(f"  {name}: {{ filter: sshd }}\n" for name in string.ascii_lowercase[:jails])]))
        return [b.ctl, "plan", "--config", str(config), "--file", str(path), "--json"]

    yield Row("20 jails against one", "lines/s", [
        Contestant("plan, 20 jails", lambda: count / b.timed(plan(20, log)), plan(20, slice_), few),
        Contestant("plan, one jail", lambda: count / b.timed(plan(1, log)), plan(1, slice_), few),
    ], note="ratio: what is left of one jail's speed; 1/20 if each jail did all the work again")

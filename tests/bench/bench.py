"""Runs the rows of the benchmark: rows/*.py, each one file; scripts/bench starts this, in namespaces of its own.

A row's file has `rows(bench)`, which yields Rows. What a row needs is made before it is yielded, and cleaned up after.
"""
import argparse, fnmatch, importlib.util, json, os, pathlib, re, statistics, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Skip(Exception):
    """A contestant that is not to be had, or a whole file of rows; its text says why."""


class Contestant:
    def __init__(self, name, measure, command=None, lines=1):
        """measure() returns a figure, or raises Skip. command: what callgrind counts, over so many lines."""
        self.name, self.measure, self.command, self.lines = name, measure, command, lines
        self.figures, self.skipped, self.instructions = [], None, None

    def median(self):
        return statistics.median(self.figures) if self.figures else None


class Row:
    def __init__(self, name, unit, contestants, more=True, rounds=None, aim=None, note=None):
        """more: more is better. contestants[0] is bailiff. aim, note: text. rounds: for what takes long."""
        self.name, self.unit, self.contestants, self.more, self.rounds = name, unit, contestants, more, rounds
        self.aim, self.note = aim, note

    @property
    def title(self):
        remarks = [f"aim: {self.aim}"] * bool(self.aim) + [self.note] * bool(self.note)
        return self.name + (f" ({'; '.join(remarks)})" if remarks else "")

    def ratio(self, other):
        """How many times as good bailiff is."""
        ours, theirs = self.contestants[0].median(), other.median()
        if other is self.contestants[0] or not ours or not theirs:
            return None
        return ours / theirs if self.more else theirs / ours


class Bench:
    """What rows build on: sizes, paths, and how to run a program."""

    def __init__(self, arguments):
        self.quick, self.smoke = arguments.quick, arguments.smoke
        self.rounds = 1 if self.smoke else arguments.rounds or (3 if self.quick else 5)
        self.build = pathlib.Path(os.environ["BUILD"])
        self.peers = pathlib.Path(os.environ["PEERS"]) if os.environ.get("PEERS") else None
        self.scratch = pathlib.Path(os.environ["SCRATCH"])
        self.data = self.scratch if self.smoke else self.build / "data"
        self.data.mkdir(exist_ok=True)
        self.ctl, self.daemon = str(self.build / "src/bailiffctl"), str(self.build / "src/bailiffd")
        os.environ.update(BAILIFF_FILTERS=str(ROOT / "filters"), BAILIFF_SHIPPED="", LC_ALL="C.UTF-8", TZ="UTC",
                          journal_parent=str(self.scratch))

    def size(self, full, quick, smoke):
        return smoke if self.smoke else quick if self.quick else full

    def tool(self, name):
        """A program of tests/, from the build."""
        path = self.build / "tests" / name
        if not path.exists():
            raise Skip(f"{name} is not built (meson's -Dbench=true)")
        return str(path)

    def peer(self, path):
        """A file of a peer, from the cache."""
        if not self.peers:
            raise Skip("without peers")
        if not (self.peers / path).exists():
            raise Skip("it could not be had")
        return str(self.peers / path)

    def timed(self, command, good=(0,), **options):
        """Wall-clock seconds of a program whose output nobody reads."""
        options.setdefault("stdout", subprocess.DEVNULL)
        start = time.monotonic()
        done = subprocess.run(command, stderr=subprocess.PIPE, **options)
        seconds = time.monotonic() - start
        if done.returncode not in good:
            sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr.decode(errors='replace')[-2000:]}")
        return seconds

    def instructions(self, command):
        """What callgrind counts, or None without valgrind."""
        out = self.scratch / "callgrind.out"
        try:
            text = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command], capture_output=True, text=True).stderr
        except FileNotFoundError:
            return None
        found = re.search(r"Collected : (\d+)", text)
        return int(found[1]) if found else None


def run_row(bench, row, tell):
    for number in range(min(bench.rounds, row.rounds or bench.rounds) + (0 if bench.smoke else 1)):
        for contestant in row.contestants:
            if contestant.skipped:
                continue
            tell(f"{row.name}, {contestant.name}: {f'round {number}' if number else 'warm-up'}")
            try:
                figure = contestant.measure()
                if number > 0 or bench.smoke:
                    contestant.figures.append(figure)
            except Skip as reason:
                contestant.skipped = str(reason)
    for contestant in row.contestants:
        if contestant.command and not contestant.skipped and not bench.smoke:
            tell(f"{row.name}, {contestant.name}: instructions")
            count = bench.instructions(contestant.command)
            contestant.instructions = count and count / contestant.lines


def figure(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines_of(row):
    """name, median, spread, ratio, instructions: as text"""
    for c in row.contestants:
        if c.skipped:
            yield c.name, f"left out: {c.skipped}", "", "", ""
            continue
        ratio = row.ratio(c)
        yield (c.name, f"{figure(c.median())} {row.unit}", f"{figure(min(c.figures))} to {figure(max(c.figures))}",
               figure(ratio) if ratio else "", figure(c.instructions) if c.instructions else "")


def show(row, form):
    if form == "json":
        print(json.dumps({"row": row.name, "unit": row.unit, "more_is_better": row.more, "aim": row.aim, "note": row.note, "contestants": [
            {"name": c.name, "median": c.median(), "figures": c.figures, "ratio": row.ratio(c), "instructions": c.instructions,
             "skipped": c.skipped} for c in row.contestants]}), flush=True)
    elif form == "markdown":
        for i, cells in enumerate(lines_of(row)):
            print("| " + " | ".join(("" if i else row.title, *cells)) + " |", flush=True)
    else:
        print(row.title)
        for name, median, spread, ratio, instructions in lines_of(row):
            print(f"    {name:<28} {median:>24}" + (f"  {spread}" if spread else "") + (f"  ratio {ratio}" if ratio else "") +
                  (f"  {instructions} instructions each" if instructions else ""), flush=True)


def own_world():
    """Mounts that nobody else sees, and a loopback that is up."""
    for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run"], ["ip", "link", "set", "lo", "up"]):
        subprocess.run(command, check=True)


def main():
    parser = argparse.ArgumentParser()
    for option in ("--quick", "--smoke", "--markdown", "--json", "--list"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("pattern", nargs="?", default="")
    arguments = parser.parse_args()
    files = sorted((HERE / "rows").glob("*.py"))
    if arguments.list:
        print("\n".join(f.stem for f in files))
        return
    own_world()
    bench = Bench(arguments)
    form = "json" if arguments.json else "markdown" if arguments.markdown else "text"
    sys.path.insert(0, str(HERE))
    sys.modules["bench"] = sys.modules["__main__"]
    tell = (lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)) if sys.stderr.isatty() else lambda text: None
    if form == "markdown":
        print("| row | what | median | spread | bailiff is so many times as good | instructions each |\n|---|---|---|---|---|---|")
    ran = skipped = 0
    for file in files:
        # A pattern may also name one row of a file.
        specification = importlib.util.spec_from_file_location(file.stem.replace("-", "_"), file)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        wanted_file = fnmatch.fnmatch(file.stem, f"*{arguments.pattern}*")
        if not wanted_file and not any(fnmatch.fnmatch(name, f"*{arguments.pattern}*") for name in module.NAMES):
            continue
        try:
            for row in module.rows(bench):
                if wanted_file or fnmatch.fnmatch(row.name, f"*{arguments.pattern}*"):
                    run_row(bench, row, tell)
                    tell("")
                    show(row, form)
                    ran += 1
        except Skip as reason:
            print(f"{file.stem}: left out: {reason}", file=sys.stderr)
            skipped += 1
    if not ran and not skipped:
        sys.exit(f"no row is named like '{arguments.pattern}'; see scripts/bench --list")


if __name__ == "__main__":
    main()

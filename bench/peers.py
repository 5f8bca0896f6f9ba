#!/usr/bin/env python3
"""peers.py TAPER [--rounds N] [--peer NAME]... [--warm] [CASE]...: steps of training and prediction, Taper's (bench/peers/taper.c)
beside those of PyTorch, JAX and NumPy (bench/peers/*.py), with one thread and with two.

What is installed in build/peers/venv (make bench-peers INSTALL=1) is used, else Debian's PyTorch and NumPy. Each runs
in a process of its own that stands still while others run; rounds are interleaved and the fastest counts, for other
work on the machine can only slow one down. Before that, each must come to Taper's result from the same weights after 20
steps. Prints a row for each case, in microseconds (an epoch: in milliseconds) with both numbers of threads, and how
many times as long each peer takes at its own best number; then lines of JSON. --warm compiles and checks and measures
nothing. The case "start" is the time from the start of the process to the end of the first step of 784-100-10, and
its memory."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent / "peers"
VENV = pathlib.Path("build/peers/venv/bin/python")
NETS = ["2-3 4", "30-50-1 128", "784-100-10 64", "784-512-512-10 128"]
CASES = ([f"step {net} {optimizer}" for net in NETS for optimizer in ("sgd", "adam")]
         + ["epoch 784-100-10 64 sgd", "predict 30-50-1 1", "predict 784-100-10 1", "add 4", "dot 1000000"])
START = "step 784-100-10 64 sgd"
PEERS = {"PyTorch": ("pytorch.py", "eager"), "torch.compile": ("pytorch.py", "compile"), "JAX jit": ("by_jax.py", "jit"),
         "JAX loop": ("by_jax.py", "scan"), "NumPy": ("by_numpy.py", "hand")}
if not VENV.exists():
    PEERS = {name: PEERS[name] for name in ("PyTorch", "NumPy")}
THREADS = (1, 2)
CPUS = os.sched_getaffinity(0)
ROUND = 0.05  # seconds
TOLERANCE = 1e-4


class Server:
    """A process with so many threads, and CPUs: JAX has a thread for each CPU it may use."""

    def __init__(self, command, threads):
        names = ["TAPER_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
        caches = {"TORCHINDUCTOR_CACHE_DIR": os.path.abspath("build/peers/inductor"), "TORCHINDUCTOR_COMPILE_THREADS": "1",
                  "JAX_PLATFORMS": "cpu", "PYTHONDONTWRITEBYTECODE": "1"}
        os.sched_setaffinity(0, sorted(CPUS)[:threads])
        self.process = subprocess.Popen(command, env={**os.environ, **{name: str(threads) for name in names}, **caches},
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.sched_setaffinity(0, CPUS)

    def ask(self, line):
        """The answer; None where there is no such peer, or it cannot do this."""
        try:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
            self.process.send_signal(signal.SIGSTOP)
            return answer or None
        except BrokenPipeError:
            return None

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()


def command_of(name, taper, case, file):
    if name == "taper":
        return [taper, *case.split(), "--save", file]
    script, how = PEERS[name]
    python = VENV if VENV.exists() else "/usr/bin/python3"
    return [str(python), str(HERE / script), how, file, *case.split()]


def start_servers(taper, case, file):
    """Those that give what Taper gives, by name and number of threads."""
    servers, wanted = {}, None
    for name in ["taper", *PEERS]:
        for threads in THREADS:
            server = Server(command_of(name, taper, case, file), threads)
            answer = server.ask("check")
            if answer is None:
                server.close()
                break
            wanted = float(answer) if wanted is None else wanted
            if abs(float(answer) - wanted) > TOLERANCE * max(1, abs(wanted)):
                sys.exit(f"{case}: {name} comes to {answer}, Taper to {wanted}")
            servers[name, threads] = server
    return servers


def measure(servers, rounds):
    best = {}
    for _ in range(rounds):
        for key, server in servers.items():
            best[key] = min(best.get(key, 1e30), float(server.ask(ROUND)))
    return best


def run(taper, case, rounds, warm):
    file = f"build/peers/case-{os.getpid()}.npz"
    servers = start_servers(taper, case, file)
    versions = {name: server.ask("version") for (name, _), server in servers.items() if name != "taper"}
    best = {} if warm else measure(servers, rounds)
    for server in servers.values():
        server.close()
    pathlib.Path(file).unlink()
    names = list(dict.fromkeys(name for name, _ in best))
    least = {name: min(best[name, threads] for threads in THREADS) for name in names}
    unit = 1000 if case.startswith("epoch") else 1
    cells = [case] + [" / ".join(f"{best[name, threads] / unit:.4g}" for threads in THREADS)
                      + (f" ({least[name] / least['taper']:.2f}x)" if name != "taper" else "")
                      if name in least else "" for name in ["taper", *PEERS]]
    print("| " + " | ".join(cells) + " |", flush=True)
    return {"case": case, "versions": versions,
            "microseconds": {name: [round(best[name, threads], 3) for threads in THREADS] for name in names},
            "ratio": {name: round(least[name] / least["taper"], 3) for name in names if name != "taper"}}


def start_costs(taper, rounds):
    """Milliseconds to the end of the first step, with the interpreter's own start, and MB at the end of some steps."""
    file, costs = f"build/peers/case-{os.getpid()}.npz", {}
    Server(command_of("taper", taper, START, file), 1).close()
    for name in ["taper", *PEERS]:
        for _ in range(rounds if name == "taper" else 1):
            command = command_of(name, taper, START, file)
            before = time.perf_counter()
            server = Server(command[:-2] if name == "taper" else command, 1)
            if server.ask(0) is not None:
                spent = 1e3 * (time.perf_counter() - before)
                server.ask(ROUND)
                least, most = costs.get(name, (spent, 0))
                costs[name] = (min(spent, least), max(float(server.ask("memory")) / 1024, most))
            server.close()
    pathlib.Path(file).unlink()
    for name, (milliseconds, megabytes) in costs.items():
        print(f"| {name} | {milliseconds:.4g} | {megabytes:.4g} |")
    return {"case": "start", "milliseconds": {name: round(cost[0], 2) for name, cost in costs.items()},
            "MiB": {name: round(cost[1], 1) for name, cost in costs.items()}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("taper")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--peer", action="append", choices=PEERS)
    parser.add_argument("--warm", action="store_true")
    options = parser.parse_intermixed_args()
    for name in set(PEERS).difference(options.peer or PEERS):
        del PEERS[name]
    os.makedirs("build/peers", exist_ok=True)
    lines = []
    print("| case | " + " | ".join(["Taper", *PEERS]) + " |\n" + "|---" * (len(PEERS) + 2) + "|")
    for case in options.cases or CASES:
        if case != "start":
            lines.append(run(options.taper, case, options.rounds, options.warm))
    if "start" in options.cases or not options.cases:
        print("\n| process | ms to the end of the first step | MiB |\n|---|---|---|")
        lines.append(start_costs(options.taper, options.rounds))
    for line in lines:
        print(json.dumps(line))


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""kill.py TAPER [KILLS]: a training that checkpoints after each step is killed at random instants, again and again,
and goes on: its two newest checkpoints are there and whole, and it ends with the files of the undisturbed one."""
import filecmp
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

SETTINGS = ["--data", "iris", "--net", "linear 16, tanh, dropout 0.2, linear 3", "--epochs", "20", "--batch-size", "8",
            "--val", "0.2", "--lr", "0.02", "--schedule", "exponential 0.95", "--patience", "5", "--checkpoint-every", "1"]
FILES = ["model.safetensors", "best.safetensors", "history.jsonl", "config.json",
         "checkpoints/checkpoint-a.safetensors", "checkpoints/checkpoint-b.safetensors"]
EARLIEST = 0.001  # seconds


class Kills:
    def __init__(self, taper, folder):
        self.taper, self.folder, self.run = taper, folder, folder / "run"

    def start(self, *words):
        return subprocess.Popen([self.taper, "train", *words, "--quiet"], stdout=subprocess.DEVNULL)

    def start_run(self):
        if (self.run / "config.json").exists():
            return self.start("--resume", self.run)
        return self.start(*SETTINGS, "-o", self.run)

    def checkpoints(self):
        """The numbers of the checkpoints, the newest first."""
        numbers = []
        for path in (self.run / "checkpoints").glob("*.safetensors"):
            data = path.read_bytes()
            header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
            numbers.append(json.loads(header["__metadata__"]["taper.checkpoint"])["place"]["number"])
        return sorted(numbers, reverse=True)

    def check_kill(self, before):
        """What a kill leaves: at least the checkpoints from before, one after the other, with right hashes."""
        after = self.checkpoints()
        assert after[:1] >= before[:1], f"{before} became {after}"
        assert len(after) < 2 or after[0] == after[1] + 1, after
        assert len(after) == min(2, after[0] + 1 if after else 0), after
        for path in (self.run / "checkpoints").glob("*.safetensors"):
            subprocess.run([self.taper, "convert", path, self.folder / "all.npz"], check=True)

    def check_end(self):
        for name in FILES:
            assert filecmp.cmp(self.folder / "whole" / name, self.run / name, shallow=False), f"another {name}"
        left = list(self.run.rglob(".taper*"))
        assert not left, left
        shutil.rmtree(self.run)

    def go(self, kills, chance):
        begun = time.monotonic()
        assert self.start(*SETTINGS, "-o", self.folder / "whole").wait() == 0
        longest = (time.monotonic() - begun) / 2
        ends = done = 0
        while done < kills or not ends:
            process = self.start_run()
            time.sleep(chance.uniform(EARLIEST, longest))
            before = self.checkpoints() if process.poll() is None else []
            process.kill()
            if process.wait() == 0:
                self.check_end()
                ends += 1
            else:
                assert process.returncode == -9, process.returncode
                self.check_kill(before)
                done += 1
        return ends


def main():
    taper = os.path.realpath(sys.argv[1])
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        ends = Kills(taper, pathlib.Path(folder)).go(kills, random.Random(1))
    print(f"{kills} kills, {ends} trainings to the end")


main()

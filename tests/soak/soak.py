#!/usr/bin/env python3
"""Soak test of `vmafuzz fuzz`: faults are injected for a while, then what was found is compared.

Workers (random_engine.cc) write down outside of the run what they ran, kept and found. Meanwhile
this kills workers and the supervisor (SIGKILL, SIGSEGV, SIGSTOP), fills the disk, damages corpus
files, puts things into folders that do not belong there, and, with --clock, lets the wall clock
jump. The supervisor is started again on the same folder each time. After a clean end:

  executions   the run's count is that of all its workers, but for one input for each of them
  entries      every entry that a worker wrote completely is in RUN/corpus
  buckets      every bucket that a worker saw is in RUN/found, with a repro file
  files        every file in RUN is complete; status.json was, whenever it was looked at
  processes    no worker is left

Exit status 0 if all of that holds, 1 if not, 77 if this machine cannot run it.
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

KERNELS = "aug02-draft,v1,6.18"


def log(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Soak:
    def __init__(self, args):
        self.args = args
        self.random = random.Random(args.seed)
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="vmafuzz-soak-", dir=args.folder))
        self.mounted = False
        self.disk = self.base / "disk"
        self.disk.mkdir()
        self.run = self.disk / "run"
        self.truth = self.base / "truth"
        self.truth.mkdir()
        self.clock = self.base / "clock"
        self.faults = collections.Counter()
        self.damaged = set()
        self.failures = []
        self.supervisor = None
        self.sessions = 0
        self.torn_status = 0

    # ---- the machine under test ----

    def set_up(self):
        root = self.base / "root"
        program = root / "build/fuzz/fuzz"
        program.mkdir(parents=True)
        (program / "fuzz_sim").symlink_to(pathlib.Path(self.args.engine).resolve())
        self.root = root
        if os.geteuid() == 0:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={self.args.disk}m", "soak", self.disk]
            self.mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
        if not self.mounted:
            log("no tmpfs can be mounted here: the disk will not be filled")

    def start(self):
        env = dict(os.environ, VMAFUZZ_ROOT=str(self.root), VMAFUZZ_TRUTH=str(self.truth))
        if self.args.clock:
            self.set_clock(0)
            env.update(LD_PRELOAD=self.args.clock, VMAFUZZ_SOAK_CLOCK=str(self.clock))
        words = [self.args.program, "fuzz", "--dir", str(self.run), "--kernel", KERNELS,
                 "--engine", "libfuzzer", "--jobs", "2", "--slice", self.args.slice, "--corpus",
                 self.args.corpus, "--min-free", "2", "--hang", "6s", "--quiet"]
        self.output = open(self.base / "output", "a")
        self.supervisor = subprocess.Popen(words, env=env, stdout=self.output, stderr=self.output)
        self.sessions += 1

    def set_clock(self, seconds):
        # In place: those that run have it mapped.
        with open(self.clock, "r+b" if self.clock.exists() else "xb") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    def last_words(self):
        lines = (self.base / "output").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def workers(self):
        """Process ids of workers, by what they were told in their environment."""
        mark = f"VMAFUZZ_WORKER={self.run}/work/".encode()
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue  # it is gone, or somebody else's
        return found

    # ---- faults ----

    def kill_worker(self, number):
        workers = self.workers()
        if workers:
            try:
                os.kill(self.random.choice(workers), number)
            except ProcessLookupError:
                pass

    def fault_kill_worker(self):
        self.kill_worker(signal.SIGKILL)

    def fault_crash_worker(self):
        self.kill_worker(signal.SIGSEGV)

    def fault_stop_worker(self):
        self.kill_worker(signal.SIGSTOP)

    def fault_kill_supervisor(self):
        self.supervisor.kill()
        self.supervisor.wait()
        if self.random.random() < 0.5:
            time.sleep(self.random.random())
        self.start()

    def fault_end_supervisor(self):
        self.supervisor.send_signal(self.random.choice([signal.SIGINT, signal.SIGTERM]))
        self.wait_for_end()
        self.start()

    def fault_full_disk(self):
        if not self.mounted:
            return
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            block = bytes(65536)
            while len(block) > 0:
                try:
                    file.write(block)
                except OSError:
                    block = block[: len(block) // 2]
        time.sleep(self.random.uniform(1, 4))
        if self.random.random() < 0.5:  # at the worst moment
            self.random.choice([self.fault_kill_worker, self.supervisor.kill])()
        time.sleep(1)
        filler.unlink()
        if self.supervisor.poll() is not None:
            self.start()

    def fault_damage_entry(self):
        # Not what fault_strangers() has put there: a write to a pipe that nobody reads never ends.
        entries = [path for path in self.listed(self.run / "corpus")
                   if path.is_file() and not path.is_symlink()]
        if not entries:
            return
        entry = self.random.choice(entries)
        self.damaged.add(entry.name)
        try:
            entry.write_bytes(self.random.randbytes(self.random.randrange(60)))
        except OSError:
            pass

    def fault_strangers(self):
        for folder in [self.run / "corpus"] + [w / "corpus" for w in self.listed(self.run / "work")]:
            number = self.random.randrange(10**6)
            try:
                os.mkfifo(folder / f"fifo{number}")
                (folder / f"folder{number}").mkdir()
                (folder / f"link{number}").symlink_to("nowhere")
                (folder / f"text{number}").write_text("not a program")
                with open(folder / f"large{number}", "wb") as file:
                    file.truncate(1 << 30)
                unreadable = folder / f"closed{number}"
                unreadable.write_bytes(b"closed")
                unreadable.chmod(0)
            except OSError:
                pass

    def fault_clock(self):
        if self.args.clock:
            self.set_clock(self.random.randrange(-10**6, 10**6))

    # ---- the loop ----

    @staticmethod
    def listed(folder):
        try:
            return sorted(folder.iterdir())
        except OSError:
            return []

    def look_at_status(self):
        try:
            json.loads((self.run / "status.json").read_text())
        except FileNotFoundError:
            pass
        except ValueError:
            self.torn_status += 1

    def wait_for_end(self):
        try:
            return self.supervisor.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.fail("the supervisor did not end within two minutes")
            self.supervisor.kill()
            return self.supervisor.wait()

    def torment(self):
        faults = [self.fault_kill_worker, self.fault_crash_worker, self.fault_stop_worker,
                  self.fault_kill_supervisor, self.fault_kill_supervisor, self.fault_end_supervisor,
                  self.fault_full_disk, self.fault_damage_entry, self.fault_strangers]
        if self.args.clock:
            faults.append(self.fault_clock)
        end = time.monotonic() + self.args.seconds
        self.start()
        said = time.monotonic()
        while time.monotonic() < end:
            time.sleep(self.random.uniform(0.2, 2 * self.args.every))
            self.look_at_status()
            if self.supervisor.poll() is not None:
                self.fail(f"the supervisor ended by itself with {self.supervisor.returncode}: "
                          + self.last_words())
                self.start()
            fault = self.random.choice(faults)
            self.faults[fault.__name__[6:]] += 1
            fault()
            if time.monotonic() - said > 60:
                said = time.monotonic()
                log(f"{sum(self.faults.values())} faults, {self.sessions} sessions")
        if self.supervisor.poll() is not None:
            self.start()
        time.sleep(5)
        self.supervisor.send_signal(signal.SIGTERM)
        self.wait_for_end()
        # Then without any fault: what is left is taken over, and what was found reduced. A worker
        # may find a bucket in the last second of a session, which is the next one's to reduce.
        for _ in range(20):
            if not self.reduce_what_was_found():
                return
        self.fail("twenty sessions without a fault left a bucket that was not reduced")

    def reduce_what_was_found(self):
        """One session; true if it ended with a bucket that is still to be reduced."""

        def waits(state):
            return any(bucket["state"] == "new" for bucket in state["buckets"])

        self.start()
        for _ in range(600):
            time.sleep(1)
            state = self.status()
            if state and state["pid"] == self.supervisor.pid and not waits(state):
                break
        self.supervisor.send_signal(signal.SIGTERM)
        status = self.wait_for_end()
        if status != 1:
            self.fail(f"the last session ended with {status}, not 1")
        state = self.status()
        return state is not None and waits(state)

    def status(self):
        try:
            return json.loads((self.run / "status.json").read_text())
        except (OSError, ValueError):
            return None

    # ---- the comparison ----

    def fail(self, text):
        log("FAILED: " + text)
        self.failures.append(text)

    def lines(self, suffix):
        found = set()
        for path in self.truth.glob("*" + suffix):
            found.update(path.read_text().split())
        return found

    def compare(self):
        state = self.status()
        if state is None or state["state"] != "stopped":
            return self.fail("status.json does not say that the run has stopped")
        counts = [int.from_bytes(path.read_bytes(), "little") for path in self.truth.glob("*.count")]
        log(f"executions: {state['executions']} counted, {sum(counts)} run by {len(counts)} workers")
        if not 0 <= sum(counts) - state["executions"] <= len(counts):
            self.fail("executions were lost or counted twice")

        corpus = {path.name for path in self.listed(self.run / "corpus") if path.is_file()}
        kept = self.lines(".entries")
        log(f"entries: {len(kept)} written by workers, {len(corpus)} in the corpus, "
            f"{len(self.damaged)} damaged by this test")
        lost = kept - corpus - self.damaged
        if lost:
            self.fail(f"{len(lost)} entries were lost, {sorted(lost)[0]} for one")
        for path in self.listed(self.run / "corpus"):
            if path.name in corpus and path.name not in self.damaged and len(path.name) == 40:
                if hashlib.sha1(path.read_bytes()).hexdigest() != path.name:
                    self.fail(f"the content of {path} is not what its name says")

        buckets = self.lines(".buckets")
        found = {path.stem for path in (self.run / "found").glob("*.json")}
        repros = {path.stem for path in (self.run / "found").glob("*.repro")}
        listed = {bucket["name"]: bucket for bucket in state["buckets"]}
        log(f"buckets: {len(buckets)} seen by workers, {len(found)} found, {len(repros)} with a repro")
        if buckets - found:
            self.fail(f"buckets were lost: {sorted(buckets - found)}")
        if found != set(listed) or found != repros:
            self.fail(f"found/ and status.json differ: {sorted(found ^ set(listed))}, "
                      f"{sorted(found ^ repros)}")
        for name, bucket in listed.items():
            if bucket["bucket"] == "harness-crash:SIGSEGV":  # as this sends it, to innocent inputs
                continue
            if bucket["state"] == "unreproduced" or bucket["hits"] == 0 and name in buckets:
                self.fail(f"{name}: {bucket['state']}, {bucket['hits']} hits")

        if self.torn_status:
            self.fail(f"status.json could not be read {self.torn_status} times")
        torn = 0
        for line in (self.run / "events.jsonl").read_text().splitlines():
            try:
                json.loads(line)
            except ValueError:
                torn += line != ""
        if torn:
            self.fail(f"{torn} lines of events.jsonl are torn")
        left = [path for path in self.run.rglob(".*") if path.name.endswith(".tmp")]
        if left:
            self.fail(f"temporary files are left: {left[0]}")
        if self.listed(self.run / "work"):
            self.fail(f"workers were not taken over: {self.listed(self.run / 'work')}")
        if self.workers():
            self.fail(f"processes are left: {self.workers()}")

    def clean_up(self):
        if self.supervisor and self.supervisor.poll() is None:
            self.supervisor.kill()
            self.supervisor.wait()
        if self.failures:
            shutil.copytree(self.run, self.base / "kept", symlinks=True, dirs_exist_ok=True,
                            # What would block, and what is a gigabyte of nothing.
                            ignore=lambda d, names: [n for n in names
                                                     if n.startswith(("fifo", "large"))])
        if self.mounted:
            time.sleep(0.5)  # for the kernel to end the workers
            subprocess.run(["umount", self.disk], check=False)
        if self.failures:
            log(f"everything is kept in {self.base}")
        else:
            shutil.rmtree(self.base, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True, help="the vmafuzz command")
    parser.add_argument("--engine", required=True, help="the worker, random_engine")
    parser.add_argument("--corpus", required=True, help="folder of seed programs")
    parser.add_argument("--for", dest="seconds", type=float, default=3600, help="seconds of faults")
    parser.add_argument("--every", type=float, default=3, help="seconds from one fault to the next")
    parser.add_argument("--slice", default="8s", help="how long a worker stays with a kernel")
    parser.add_argument("--disk", type=int, default=64, help="MiB of the small disk")
    parser.add_argument("--clock", help="libsoak_clock.so, to let the wall clock jump")
    parser.add_argument("--folder", help="where to work (default: the system's)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    # Shells start what is in the background with SIGINT ignored; a supervisor that inherited that
    # would not notice one that comes before it has its own handler.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    soak = Soak(args)
    try:
        soak.set_up()
        soak.torment()
        soak.compare()
    finally:
        soak.clean_up()
    log(f"{args.seconds:.0f} s, {soak.sessions} sessions, faults: "
        + ", ".join(f"{name} {count}" for name, count in sorted(soak.faults.items())))
    log("nothing was lost" if not soak.failures else f"{len(soak.failures)} FAILURES")
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())

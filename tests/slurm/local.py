"""Slurm with two nodes on loopback, without systemd and with any user: `munged`, `slurmctld` and two `slurmd`.

Debian has them in `slurmctld slurmd slurm-client munge`.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.waiting import SOON_S, wait_until

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "sinfo", "scontrol")
NODES = ("node1", "node2")
MEMORY_MIB = 6000  # of a node; Slurm counts it and takes none

_CONFIGURATION = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/%n.log
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
JobRequeue=1
KillWait=5
SlurmdParameters=config_overrides
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP OverTimeLimit=0
"""


def lacking() -> list[str]:
    """Return the programs that are not on this machine."""
    return [name for name in NEEDED if _path(name) is None]


@dataclass(frozen=True)
class Slurm:
    """A Slurm that runs.

    Attributes:
        root: its folder.
        environment: of a process that uses it, beyond its own.
    """

    root: Path
    environment: Mapping[str, str]

    def ask(self, *words: str) -> str:
        """Return what one of its commands prints."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def jobs(self, *states: str) -> list[str]:
        """Return the numbers of the jobs in some states, all that are known without one."""
        wanted = ["--states", ",".join(states) if states else "all"]
        return self.ask("squeue", "--noheader", "--format=%A", *wanted).split()


@contextmanager
def slurm(root: Path) -> Iterator[Slurm]:
    """Give a Slurm whose two nodes are idle; nothing of it is left behind.

    Args:
        root: an empty folder.
    """
    root.chmod(0o755)  # munged refuses one that others may write to
    (root / "state").mkdir()
    key = root / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    configuration = root / "slurm.conf"
    configuration.write_text(_configured(root), encoding="utf-8")
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    here = Slurm(root, {"SLURM_CONF": str(configuration), "PATH": path})
    with ExitStack() as stack:
        socket_file = root / "munge.socket"
        munged = _start(stack, here, ["munged", "--foreground", "--force", *_munge_options(root)])
        wait_until(socket_file.exists, "munged answers", process=munged)
        control = _start(stack, here, ["slurmctld", "-D", "-c"])
        for name in NODES:
            _start(stack, here, ["slurmd", "-D", "-N", name])
        stack.callback(_end_jobs, here)
        wait_until(lambda: _idle(here) == len(NODES), "both nodes are idle", process=control, every_s=0.1)
        yield here


def _munge_options(root: Path) -> Iterator[str]:
    names = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log"}
    for option, name in (names | {"seed-file": "munged.seed"}).items():
        yield f"--{option}={root / name}"


def _configured(root: Path) -> str:
    host, user = socket.gethostname(), pwd.getpwuid(os.getuid()).pw_name
    port, *ports = free_ports(1 + len(NODES))
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={at} CPUs=2 RealMemory={MEMORY_MIB}"
        for name, at in zip(NODES, ports, strict=True)
    )
    return _CONFIGURATION.format(host=host, user=user, root=root, port=port, nodes=nodes, names=",".join(NODES))


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens to."""
    with ExitStack() as stack:
        made = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [one.getsockname()[1] for one in made]


def _path(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _start(stack: ExitStack, here: Slurm, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a program that ends with the stack."""
    program = _path(words[0])
    assert program is not None, words[0]
    log = stack.enter_context(
        (here.root / f"{'-'.join(words[:1] + list(words[-1:]))[:24].replace('/', '')}.out").open("wb")
    )
    process = subprocess.Popen(
        [program, *words[1:]],
        env={**os.environ, **here.environment},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SOON_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_jobs(here: Slurm) -> None:
    """Cancel every job, wait until none is left, and end what a daemon of a job has left."""
    with suppress(subprocess.CalledProcessError):
        here.ask("scancel", "--user", pwd.getpwuid(os.getuid()).pw_name)
        wait_until(lambda: not here.jobs("PENDING", "RUNNING", "COMPLETING"), "the jobs have ended", every_s=0.1)
    for one in psutil.process_iter(["name", "environ"]):
        is_here = (one.info["environ"] or {}).get("SLURM_CONF") == here.environment["SLURM_CONF"]
        if is_here and one.info["name"] in ("slurmstepd", "bash", "sh"):
            with suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)


def _idle(here: Slurm) -> int:
    with suppress(subprocess.CalledProcessError):  # slurmctld does not answer yet
        return here.ask("sinfo", "--noheader", "--Node", "--format=%t").split().count("idle")
    return 0

"""
Several machines on one network, as network namespaces of this one; and cables that can be cut.

All of it is in namespaces of its own, so that nothing of this machine's network is changed. Only
the names of namespaces are shared by all who run here, and so are new ones each time.
"""

import atexit
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.program import Program

#: Finds other machines by their names, by a file of its own in place of /etc/hosts. What is mounted
#: within ``ip netns exec`` is seen by nobody else.
_NAMED = ("/bin/sh", "-c", 'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh")

_CABLE = "eth0"
_SWITCH = "switch"

_numbers = count(1)


class Machine:
    """
    One machine.

    Args:
        case: The test that it belongs to.
        namespace: Its network's name.
        hosts: Who is where, in the form of /etc/hosts.
    """

    def __init__(self, case: TestCase, namespace: str, hosts: Path) -> None:
        self._case = case
        self._enter = ("ip", "netns", "exec", namespace)
        self.within = (*self._enter, *_NAMED, str(hosts))
        self._folder = hosts.parent

    def reached(self, *ports: int) -> tuple[int, ...]:
        """Return ports of our own machine that lead to these of its loopback interface."""
        doors = [socket.create_server(("127.0.0.1", 0)) for _ in ports]
        for door in doors:
            door.setblocking(False)
        command = [*self._enter, sys.executable, "-m", "tests.integration.window", *map(str, ports)]
        try:
            Program(
                self._case,
                "window",
                command,
                environment={},
                directory=self._folder,
                inherited=[door.fileno() for door in doors],
            )
            return tuple(door.getsockname()[1] for door in doors)
        finally:
            for door in doors:
                door.close()


class Network:
    """
    Machines that are plugged into one switch. All of it ends with the test.

    Args:
        case: The test that it belongs to.
        addresses: The IPv4 address of each machine, by its name.

    Raises:
        SkipTest: This machine can't do that; says what is missing.
    """

    def __init__(self, case: TestCase, addresses: Mapping[str, str]) -> None:
        _check()
        self._case = case
        self._prefix = f"mudserver-{os.getpid()}-{next(_numbers)}"
        folder = Path(case.mktemp()).absolute() / "here"
        folder.mkdir(parents=True)
        hosts = folder / "hosts"
        lines = [f"{address} {name}" for name, address in addresses.items()]
        hosts.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        self._machines: dict[str, Machine] = {}
        try:
            self._add(_SWITCH)
            self._ip(_SWITCH, "link", "add", _SWITCH, "type", "bridge")
            for port, name in enumerate(addresses):
                self._add(name)
                self._plug(name, f"port{port}")
        except _RefusedError as refused:
            raise SkipTest(f"this machine has no networks for tests: {refused}") from None
        self._ip(_SWITCH, "link", "set", _SWITCH, "up")
        for port, (name, address) in enumerate(addresses.items()):
            self._ip(_SWITCH, "link", "set", f"port{port}", "master", _SWITCH, "up")
            self._ip(name, "address", "add", f"{address}/24", "dev", _CABLE)
            for each in ("lo", _CABLE):
                self._ip(name, "link", "set", each, "up")
            self._machines[name] = Machine(case, self._called(name), hosts)
        self._ports = {name: f"port{port}" for port, name in enumerate(addresses)}

    def __getitem__(self, name: str) -> Machine:
        return self._machines[name]

    def cut(self, name: str) -> None:
        """
        Lose whatever goes to that machine and comes from it.

        Neither end is told: the cable still leads to the switch, which has no part in it any more.
        """
        self._ip(_SWITCH, "link", "set", self._ports[name], "nomaster")

    def heal(self, name: str) -> None:
        """Undo that."""
        self._ip(_SWITCH, "link", "set", self._ports[name], "master", _SWITCH)

    def _add(self, name: str) -> None:
        """Make a network of that name, which is gone when the test has ended."""
        namespace = self._called(name)
        _run("netns", "add", namespace)

        def remove() -> None:
            atexit.unregister(remove)
            _run("netns", "delete", namespace)

        atexit.register(remove)  # for runs that are broken off
        self._case.addCleanup(remove)

    def _plug(self, name: str, port: str) -> None:
        """Lead a cable from there to the switch."""
        there = ("peer", "name", _CABLE, "netns", self._called(name))
        self._ip(_SWITCH, "link", "add", port, "type", "veth", *there)

    def _ip(self, name: str, *words: str) -> None:
        _run("-n", self._called(name), *words)

    def _called(self, name: str) -> str:
        return f"{self._prefix}-{name.partition('.')[0]}"


class _RefusedError(Exception):
    """What ``ip`` was asked to do can't be done; tells what it said."""


def _check() -> None:
    """
    See whether it is worth a try.

    Raises:
        SkipTest: It isn't; says why.
    """
    if sys.platform != "linux":
        raise SkipTest("only Linux has network namespaces")
    if os.geteuid() != 0:
        raise SkipTest("only root may make network namespaces")
    if shutil.which("ip") is None:
        raise SkipTest("there is no ip: install iproute2")


def _run(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise _RefusedError(f"ip {' '.join(words)}: {done.stderr.strip()}")

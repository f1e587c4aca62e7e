"""Runs a command on a terminal of its own and answers what it asks: terminal.py <answer>,<answer>,… <command> …"""

import os
import pty
import sys
import termios
import time

answers, command = sys.argv[1].split(","), sys.argv[2:]
process, terminal = pty.fork()
if process == 0:
    os.execv(command[0], command)
seen = b""


def hidden():
    """Whether what is typed is not shown. A prompt comes a moment before that, sooner than anybody types."""
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


while True:
    try:
        read = os.read(terminal, 1024)
    except OSError:
        break
    if not read:
        break
    seen += read
    if answers and read.rstrip().endswith(b":"):
        ends = time.monotonic() + 10
        while not hidden() and time.monotonic() < ends:
            time.sleep(0.001)
        os.write(terminal, answers.pop(0).encode() + b"\n")
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))

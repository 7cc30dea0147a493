"""NOTIFY_SOCKET: tell a service manager when the program in the container is ready.

program                    pyrunc start, pyrunc run               service manager
   |  READY=1, and more ----> |                                          |
   |                          |  READY=1 ------------------------------> |
   |                          |  MAINPID=PID --------------------------> |
   |                          |  BARRIER=1, end of a pipe -------------> |
   |                          |  <---- closes it when it has seen all -- |

The program's socket lies in the container's folder and is bound on /run/notify. What else the
program says is dropped: it could make the manager believe anything.

Source:  sd_notify(3), sd_notify_barrier(3).
"""

from __future__ import annotations

import _socket
import posix as os
from _struct import pack

from runtime.errors import ConfigError, ContainerError, HostError
from runtime.native import calls
from runtime.plan.notify import SOCKET, VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from runtime.log import Log
else:
    import _signal

DATAGRAM_MOST = 4096
ADDRESS_MOST = 107  # bytes. Source: unix(7), sun_path
SEND_TIMEOUT_S = 30
BARRIER_MS = 30_000


def make_folder(path: str) -> None:
    """The folder of the program's socket, which the container sees.

    Errors:  HostError.
    """
    try:
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)  # whatever the umask says
    except OSError as error:
        raise HostError(f"make {path}", field=VARIABLE, errno=error.errno or 0) from error


def manager_address(text: str) -> bytes:
    """The manager's socket as connect(2) takes it: a path, or an abstract name after "@".

    Errors:  ConfigError.
    """
    address = text.encode("utf-8", "surrogateescape")
    if address[:1] == b"@":
        address = b"\0" + address[1:]
    elif address[:1] != b"/":
        raise ConfigError(
            f'"{text}" is no socket, expected an absolute path or an abstract name after "@"',
            field=VARIABLE,
        )
    if len(address) > ADDRESS_MOST:
        raise ConfigError(
            f"{text} is longer than the {ADDRESS_MOST} bytes that a socket's name can have",
            field=VARIABLE,
        )
    return address


def ready_line(datagram: bytes) -> bytes:
    """The line of a message that says READY; empty if there is none."""
    return next((line for line in datagram.split(b"\n") if line.startswith(b"READY=")), b"")


class NotifySocket:
    """The program's socket, and the manager behind it."""

    __slots__ = ("_log", "_manager", "_program")

    def __init__(self, address: str, log: Log) -> None:
        """Errors:  ConfigError unless `address`, the value of NOTIFY_SOCKET, is one."""
        self._manager = manager_address(address)
        self._log = log
        self._program = _socket.socket(
            _socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        )

    def listen(self, container_folder: str) -> None:
        """Be there before the program starts.

        Errors:  HostError, also when the variable was not set for create.
        """
        folder = f"{container_folder}/notify"
        try:
            folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                # The state root's path may be too long for a socket.
                path = f"/proc/self/fd/{folder_fd}/{SOCKET}"
                try:
                    os.unlink(path)  # of a start that was killed
                except FileNotFoundError:
                    pass
                self._program.bind(path)
                os.chmod(path, 0o777)
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise HostError(
                f"listen on {folder}/{SOCKET}", field=VARIABLE, errno=error.errno or 0,
                hint="the variable must have been set for create as well",
            ) from error  # fmt: skip

    def wait_until_ready(self, pid: int, pid_fd: int) -> None:
        """Return when the program has said READY and the manager knows, or when it has ended.

        `pid` is what the manager is told to watch. Signals that stop the runtime come in here.
        Errors:  HostError when the manager cannot be told.
        """
        while True:
            readable = calls.wait_readable((self._program.fileno(), pid_fd))
            if self.pass_on(pid) or pid_fd in readable:
                return

    def messenger(self, pid: int) -> Messenger:
        """Do the same beside whatever this thread waits for."""
        return Messenger(self, pid, self._log)

    def fileno(self) -> int:
        """The program's socket, to wait for."""
        return self._program.fileno()

    def pass_on(self, pid: int, stop_fd: int = -1) -> bool:
        """Read what has come; True if READY was in it, and is passed on.

        `stop_fd` ends the wait for the manager's answer when it is readable.
        Errors:  HostError.
        """
        while True:
            datagram = self._receive()
            if datagram is None:
                return False
            line = ready_line(datagram)
            if line:
                self._tell(line, pid, stop_fd)
                return True

    def drop(self) -> None:
        """Read what has come and forget it: a full queue would stop the program."""
        while self._receive() is not None:
            pass

    def _receive(self) -> bytes | None:
        try:
            return self._program.recv(DATAGRAM_MOST)  # descriptors with it are closed
        except BlockingIOError:
            return None

    def _tell(self, line: bytes, pid: int, stop_fd: int) -> None:
        manager = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        answer_fd, held_fd = os.pipe2(os.O_CLOEXEC)
        try:
            manager.setsockopt(
                _socket.SOL_SOCKET, _socket.SO_SNDTIMEO, pack("@ll", SEND_TIMEOUT_S, 0)
            )
            manager.connect(self._manager)
            manager.send(line + b"\n")
            manager.send(b"MAINPID=%d\n" % pid)
            manager.sendmsg(
                [b"BARRIER=1"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack("@i", held_fd))]
            )
        except OSError as error:
            raise HostError(
                "tell the service manager that the container is ready", field=VARIABLE,
                errno=error.errno or 0,
            ) from error  # fmt: skip
        else:
            os.close(held_fd)
            held_fd = -1
            self._await_answer(answer_fd, stop_fd)
        finally:
            manager.close()
            os.close(answer_fd)
            if held_fd >= 0:
                os.close(held_fd)

    def _await_answer(self, answer_fd: int, stop_fd: int) -> None:
        """The manager closes its end of the pipe when it has read what came before."""
        if stop_fd < 0:
            answered = calls.wait_readable((answer_fd,), BARRIER_MS)
        else:
            answered = calls.wait_readable((answer_fd, stop_fd), BARRIER_MS, interruptible=False)
        if not answered:
            self._log.warning(
                f"{VARIABLE}: the service manager has not answered for {BARRIER_MS // 1000} s "
                "[no-barrier]"
            )


class Messenger:
    """A thread that passes READY on while another waits for the program's end.

    A thread, not a process: managers believe what the main process of the service says.
    """

    __slots__ = ("_done", "_log", "_notify", "_pid", "_stop_fd", "_stopping_fd")

    def __init__(self, notify: NotifySocket, pid: int, log: Log) -> None:
        import _thread

        self._notify = notify
        self._pid = pid
        self._log = log
        self._stop_fd, self._stopping_fd = os.pipe2(os.O_CLOEXEC)
        self._done = _thread.allocate_lock()
        self._done.acquire()
        # Inherited by the thread: signals shall find the one that waits for them.
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        _thread.start_new_thread(self._run, ())
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def __enter__(self) -> Messenger:
        return self

    def __exit__(self, *failure: object) -> None:
        """The program has ended: pass on what it still said, and end the thread."""
        os.close(self._stopping_fd)
        self._done.acquire()
        os.close(self._stop_fd)

    def _run(self) -> None:
        try:
            is_told = False
            while True:
                watched = (self._notify.fileno(), self._stop_fd)
                readable = calls.wait_readable(watched, interruptible=False)
                if is_told:
                    self._notify.drop()
                else:
                    is_told = self._pass_on()
                if self._stop_fd in readable:
                    return
        finally:
            self._done.release()

    def _pass_on(self) -> bool:
        try:
            return self._notify.pass_on(self._pid, self._stop_fd)
        except ContainerError as error:
            # The program runs, and is not ended for the manager's failure.
            self._log.warning(f"{error} [not-notified]")
            self._log.release()
            return True

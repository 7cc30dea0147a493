"""Hand a descriptor over to who waits for it on a UNIX socket: an engine, by its path.

runtime                              engine
   |  connect  ----------------------> |   listens on a stream socket
   |  one message, one descriptor ---> |   accepts once, reads once
   |  close                            |
"""

from __future__ import annotations

from _struct import pack

from runtime.errors import ConfigError, HostError

# With 10 s, not for ever: who never accepts and whose queue is full would stop us for good.
CONNECT_TIMEOUT_S = 10
PATH_MOST = 107  # bytes. Source: unix(7), sun_path


def hand_over(path: str, payload: bytes, fd: int, field: str) -> None:
    """Send `fd` with `payload`, which receivers want to be there, to the socket at `path`.

    Errors:  ConfigError for a path too long for a socket; HostError; both name the option
             `field`.
    Source:  runc's terminals.md; unix(7), SCM_RIGHTS.
    """
    # Only where an engine asks for it; the socket module is the same and costs 5 ms.
    import _socket

    if len(path.encode("utf-8", "surrogateescape")) > PATH_MOST:
        raise ConfigError(
            f"{path} is longer than the {PATH_MOST} bytes that a socket's name can have",
            field=field,
        )
    kind = _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC
    peer = _socket.socket(_socket.AF_UNIX, kind)
    call = "connect"
    try:
        timeout = pack("@ll", CONNECT_TIMEOUT_S, 0)
        peer.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, timeout)
        peer.connect(path)
        call = "sendmsg"
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack("@i", fd))]
        sent = peer.sendmsg([payload], rights)
        peer.sendall(payload[sent:])  # a long one that did not fit the socket's buffer
    except OSError as error:
        raise HostError(
            f"hand a descriptor over to {path}", field=field, syscall=call, errno=error.errno or 0
        ) from error
    finally:
        peer.close()

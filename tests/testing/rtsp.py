"""A minimal RTSP server for a client that plays one video over TCP."""

import base64
import struct

_MPEG_TS, _CLOCK = 33, 90_000  # RFC 3551.
_PACKETS = 7 * 188  # The bytes of MPEG-TS that fit into an RTP packet.
_DESCRIPTION = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    f"m=video 0 RTP/AVP {_MPEG_TS}\r\na=control:0\r\n"
)


def greet(connection, credentials=None):
    """Answers the requests of a client up to PLAY (RFC 2326).

    Args:
        connection: A socket.
        credentials: `user:password` that the client must send, or None.

    Returns:
        The addresses that the client asked for.
    """
    wanted = credentials and base64.b64encode(credentials.encode()).decode()
    asked = []
    with connection.makefile("rb") as reader:
        while request := _request(reader):
            method, address, headers = request
            asked.append(address)
            answer = {"CSeq": headers["cseq"], "Session": "1"}
            status, body = "200 OK", ""
            if (
                method == "DESCRIBE"
                and wanted
                and (headers.get("authorization") != f"Basic {wanted}")
            ):
                status = "401 Unauthorized"
                answer["WWW-Authenticate"] = 'Basic realm="camera"'
            elif method == "DESCRIBE":
                body = _DESCRIPTION
                answer["Content-Type"] = "application/sdp"
                answer["Content-Length"] = len(body)
            elif method == "SETUP":
                answer["Transport"] = headers["transport"]
            lines = [f"{name}: {value}" for name, value in answer.items()]
            text = "\r\n".join([f"RTSP/1.0 {status}", *lines, "", body])
            connection.sendall(text.encode())
            if method == "PLAY":
                break
    return asked


def packets(chunks, fps):
    """Yields frames of MPEG-TS bytes as interleaved RTP packets."""
    sequence = 0
    for number, chunk in enumerate(chunks):
        time = number * _CLOCK // fps
        frame = b""
        for start in range(0, len(chunk), _PACKETS):
            content = chunk[start : start + _PACKETS]
            header = struct.pack(">BBHII", 0x80, _MPEG_TS, sequence, time, 1)
            size = len(header) + len(content)
            frame += struct.pack(">cBH", b"$", 0, size) + header + content
            sequence += 1
        yield frame


def _request(reader):
    """Returns method, address and headers, or None if the client is gone."""
    lines = []
    while line := reader.readline().decode().strip():
        lines.append(line)
    if not lines:
        return None
    headers = dict(line.split(": ", 1) for line in lines[1:])
    method, address, _ = lines[0].split()
    return method, address, {k.lower(): v for k, v in headers.items()}

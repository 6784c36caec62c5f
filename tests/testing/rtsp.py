"""As much of an RTSP server as a client of one video over TCP needs."""

import struct

_MPEG_TS, _CLOCK = 33, 90_000  # RFC 3551.
_PACKETS = 7 * 188  # Bytes of MPEG-TS that fit an RTP packet.
_DESCRIPTION = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    f"m=video 0 RTP/AVP {_MPEG_TS}\r\na=control:0\r\n"
)


def greet(connection):
    """Answers a client's requests up to the one to play (RFC 2326)."""
    with connection.makefile("rb") as reader:
        while request := _request(reader):
            method, headers = request
            answer = {"CSeq": headers["cseq"], "Session": "1"}
            body = ""
            if method == "DESCRIBE":
                body = _DESCRIPTION
                answer["Content-Type"] = "application/sdp"
                answer["Content-Length"] = len(body)
            elif method == "SETUP":
                answer["Transport"] = headers["transport"]
            lines = [f"{name}: {value}" for name, value in answer.items()]
            text = "\r\n".join(["RTSP/1.0 200 OK", *lines, "", body])
            connection.sendall(text.encode())
            if method == "PLAY":
                return


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
    """Returns a method and its headers, None when the client has gone."""
    lines = []
    while line := reader.readline().decode().strip():
        lines.append(line)
    if not lines:
        return None
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return lines[0].split()[0], {k.lower(): v for k, v in headers.items()}

"""Breaks the rules of docs/protocol.md, and sees to what the document says of it."""

import contextlib
import os
import ssl
import struct

from channel import CONTROL, INIT, RECORD, REFUSAL, VERSION, Connection, Handshake
from noise import Suite

PING, MALFORMED = b"\x01", b"\xff"
DEVICE_MEMORY = 0x31
ARGUMENTS_BAD, SESSION_COUNT, NOT_PRESENT, REJECTED, SESSION_INVALID = 0x7, 0xB1, 0xE0, 0x200, 0x80000053


def break_rules(client):
    """Each deed on a link of its own. What is in the lists ends the link without an answer."""
    silent = [incomplete_65, message_too_large, out_of_place, place_twice, nothing_in_it,
              unknown_control, foreign_control, changed_in_epoch_0, rekey_twice, altered, empty_frame]
    done = []
    for deed in silent:
        channel = client.activated()
        deed(channel)
        assert channel.connection.ends(), deed.__name__
        done.append(deed.__name__)
    for deed in (before_activation, in_parts_too_early, once_activated, limits_reached, one_identifier, replayed,
                 first_messages):
        deed(client)
        done.append(deed.__name__)
    return done


def part(channel, identifier, place, piece):
    channel.send(RECORD, struct.pack(">IB", identifier, place) + piece)


def incomplete_65(channel):
    for identifier in range(1000, 1065):
        part(channel, identifier, 0, b"a")


def message_too_large(channel):
    pieces = [65531] * 64
    channel.send_message(bytes(4 * 1024 * 1024 + 1), pieces)


def fill(channel, messages):
    """Messages of 4 MiB each of which the last part, the 66th, is missing."""
    for identifier in range(1000, 1000 + messages):
        left, place = 4 * 1024 * 1024, 0
        while left:
            size = min(left, 65531)
            part(channel, identifier, place << 1, bytes(size))
            left, place = left - size, place + 1


def out_of_place(channel):
    part(channel, 1000, 0, b"a")
    part(channel, 1000, 2 << 1, b"a")


def place_twice(channel):
    part(channel, 1000, 0, b"a")
    part(channel, 1000, 0, b"a")


def nothing_in_it(channel):
    part(channel, 1000, 0, b"")


def unknown_control(channel):
    channel.send(CONTROL, b"\x07")


def foreign_control(channel):
    channel.send(CONTROL, b"\x05" + struct.pack(">QH", 0, 120))


def changed_in_epoch_0(channel):
    channel.send(CONTROL, b"\x04" + struct.pack(">Q", 0))


def rekey_twice(channel):
    channel.start_rekey()
    channel.rekeying = None
    channel.start_rekey()
    # What the partition says to the first one comes before the end.
    channel.connection.receive()


def altered(channel):
    record = bytearray(channel.seal(RECORD, struct.pack(">IB", 1000, 1) + PING))
    record[-1] ^= 1
    channel.connection.send(bytes(record))


def empty_frame(channel):
    channel.connection.tls.sendall(bytes(4))


def before_activation(client):
    for first, status in ((PING, SESSION_INVALID), (MALFORMED, ARGUMENTS_BAD), (b"\x1a", REJECTED)):
        channel = client.channel()
        assert channel.ask_bytes(first) == {"Failed": status}
        assert channel.connection.ends()


def in_parts_too_early(client):
    channel = client.channel()
    part(channel, 1000, 0, b"a")
    # The settings may have been on their way.
    with contextlib.suppress(SystemExit, ConnectionError, ssl.SSLError):
        channel.connection.receive()
    assert channel.connection.ends()


def once_activated(client):
    channel, encode = client.activated(), client.document.encode
    late = [{"Activate": {"client": "python"}}, "Assigned", {"Open": {"serial": client.config["serial"]}}]
    for request in late:
        assert channel.ask_bytes(encode("Request", request)) == {"Failed": REJECTED}
    assert channel.ask_bytes(MALFORMED) == {"Failed": ARGUMENTS_BAD}
    # A varint that is longer than it needs to be.
    assert channel.ask_bytes(b"\x81\x00") == "Done"
    application = {"major": 1, "minor": 2}
    for request in ("JoinApplication", "OpenApplication", "CloseApplication"):
        channel.ask({request: application}, "Done")


def limits_reached(client):
    channel = client.activated()
    for identifier in range(1000, 1064):
        part(channel, identifier, 0, b"a")
    channel.ask("Ping", "Done")
    channel = client.activated()
    assert channel.ask_bytes(bytes(4 * 1024 * 1024), [65531] * 64) == {"Failed": ARGUMENTS_BAD}
    # There is no room for a third one, which costs neither the others nor the link anything.
    fill(channel, 2)
    channel.ask("Ping", "Done")
    assert channel.ask_bytes(b"\xff\xff", [1]) == {"Failed": DEVICE_MEMORY}
    for identifier in (1000, 1001):
        part(channel, identifier, 65 << 1 | 1, b"")
        assert channel.reply() == (identifier, {"Failed": ARGUMENTS_BAD})
    assert channel.ask_bytes(b"\xff\xff", [1]) == {"Failed": ARGUMENTS_BAD}


def one_identifier(client):
    channel = client.activated()
    for _ in range(2):
        part(channel, 1000, 1, PING)
    assert [channel.reply(), channel.reply()] == [(1000, "Done")] * 2


def replayed(client):
    channel = client.activated()
    record = channel.seal(RECORD, struct.pack(">IB", 1000, 1) + PING)
    channel.connection.send_all([record] * 3)
    assert channel.reply() == (1000, "Done")
    channel.ask("Ping", "Done")
    assert channel.replays == 2


def first_messages(client):
    # Another version is told ours, a stranger nothing.
    connection = Connection(client.config)
    connection.send(bytes([INIT, 2]))
    assert connection.receive() == bytes([VERSION, 1]) and connection.ends()
    for suites, size in (([0x11], 1171), ([0x01], 67)):
        connection = Connection(client.config)
        stranger = {**client.config, "identity_secret": os.urandom(32).hex()}
        connection.send(Handshake(connection, stranger, suites, Suite(suites[0]), []).message)
        assert connection.receive() == bytes([REFUSAL]) + bytes(size - 1) and connection.ends()
    # Four first messages and no more.
    connection = Connection(client.config)
    for _ in range(4):
        attempt = Handshake(connection, client.config, [0x01], Suite(0x01), [])
        connection.send(attempt.message)
        assert attempt.verdict(connection.receive()) == [0x11, 0x12, 0x13, 0x14]
    assert connection.ends()


def crowd(client):
    """With one link a client, and an end to idle ones."""
    first, second = client.activated(), client.channel()
    activate = client.document.encode("Request", {"Activate": {"client": client.config["label"]}})
    assert second.ask_bytes(activate) == {"Failed": SESSION_COUNT}
    assert second.connection.ends()
    first.ask("Ping", "Done")
    assert first.connection.ends()
    return "ended"


def silent(client):
    """A link over which no request goes."""
    channel = client.channel()
    try:
        channel.receive()
    except SystemExit as end:
        return str(end)
    return "something came"

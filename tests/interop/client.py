"""A client of the protocol, written from docs/protocol.md and docs/messages.md alone.

Needs Python 3.9 or newer and the package `cryptography` with ML-KEM (48 or newer). Reads one JSON
object from standard input:

    deed, document (the path of docs/messages.md), host, port, certificate (PEM), serial,
    partition_key (hex), identity_secret (hex), label, suites

does the deed, and writes to standard output, again in JSON, what came of it. The deeds:

    describe        asks about the partition and its mechanisms while it changes keys
    wait            seals records until the partition wants the keys changed
    break           breaks the protocol's rules one by one, and sees to what the document says of it
"""

import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from messages import Document

PATIENCE_SECONDS = 30
TAG = 16
ENCAPSULATION_KEY, CIPHERTEXT = 1184, 1088
INIT, ANSWER, REFUSAL, VERSION, COOKIE, INIT_WITH_COOKIE, RECORD, CONTROL = (
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11)


class Suite:
    """Section 3.3."""

    def __init__(self, number):
        rest = number & 0x0F
        self.number = number
        self.hybrid = bool(number & 0x10)
        self.aes = rest in (1, 2)
        self.hash = hashlib.sha256 if rest in (1, 3) else hashlib.sha512
        end = "%s_%s" % ("AESGCM" if self.aes else "ChaChaPoly", "SHA256" if rest in (1, 3) else "SHA512")
        pattern = ("hfs", "hfs+psk0", "25519+MLKEM768") if self.hybrid else ("", "psk0", "25519")
        self.handshake = "Noise_IK%s_%s_%s" % (pattern[0], pattern[2], end)
        self.rekey = "Noise_NN%s_%s_%s" % (pattern[1], pattern[2], end)


class Key:
    """A cipher's key; the counter is the caller's."""

    def __init__(self, suite, key):
        self.big = suite.aes
        self.cipher = AESGCM(key) if suite.aes else ChaCha20Poly1305(key)

    def nonce(self, counter):
        return bytes(4) + struct.pack(">Q" if self.big else "<Q", counter)

    def seal(self, counter, associated, text):
        return self.cipher.encrypt(self.nonce(counter), text, associated)

    def open(self, counter, associated, text):
        return self.cipher.decrypt(self.nonce(counter), text, associated)


class Symmetric:
    """Noise's SymmetricState."""

    def __init__(self, suite, name):
        self.suite = suite
        name = name.encode()
        size = suite.hash().digest_size
        self.h = name.ljust(size, b"\0") if len(name) <= size else suite.hash(name).digest()
        self.ck = self.h
        self.key, self.n = None, 0

    def hkdf(self, material, outputs):
        temp = hmac.digest(self.ck, material, self.suite.hash)
        made, last = [], b""
        for at in range(1, outputs + 1):
            last = hmac.digest(temp, last + bytes([at]), self.suite.hash)
            made.append(last)
        return made

    def mix_hash(self, data):
        self.h = self.suite.hash(self.h + data).digest()

    def mix_key(self, material):
        self.ck, key = self.hkdf(material, 2)
        self.key, self.n = Key(self.suite, key[:32]), 0

    def mix_key_and_hash(self, material):
        self.ck, mixed, key = self.hkdf(material, 3)
        self.mix_hash(mixed)
        self.key, self.n = Key(self.suite, key[:32]), 0

    def encrypt_and_hash(self, text):
        sealed = self.key.seal(self.n, self.h, text)
        self.n += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, sealed):
        text = self.key.open(self.n, self.h, sealed)
        self.n += 1
        self.mix_hash(sealed)
        return text

    def split(self):
        """The initiator's key, the responder's, the chain secret, the handshake hash."""
        first, second, third = self.hkdf(b"", 3)
        return Key(self.suite, first[:32]), Key(self.suite, second[:32]), third[:32], self.h


def raw(public):
    return public.public_bytes_raw()


def dh(secret, public):
    # The library refuses a result of zeros.
    return secret.exchange(X25519PublicKey.from_public_bytes(public))


class Connection:
    """Frames in TLS; the appliance's certificate is the registered one."""

    def __init__(self, config):
        with open(config["certificate"], encoding="ascii") as file:
            expected = ssl.PEM_cert_to_DER_cert(file.read())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["lunacm-stc/1"])
        tcp = socket.create_connection((config["host"], config["port"]), PATIENCE_SECONDS)
        self.tls = context.wrap_socket(tcp, server_hostname=config["host"])
        if self.tls.getpeercert(binary_form=True) != expected:
            raise SystemExit("the appliance shows another certificate")

    def send(self, content):
        self.tls.sendall(struct.pack(">I", len(content)) + content)

    def send_all(self, contents):
        self.tls.sendall(b"".join(struct.pack(">I", len(content)) + content for content in contents))

    def ends(self):
        """Whether the server closes without another word."""
        try:
            return self.tls.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def exactly(self, size):
        taken = b""
        while len(taken) < size:
            more = self.tls.recv(size - len(taken))
            if not more:
                raise SystemExit("the connection ended")
            taken += more
        return taken

    def receive(self):
        (size,) = struct.unpack(">I", self.exactly(4))
        assert 1 <= size <= 65792
        return self.exactly(size)


class Handshake:
    """Section 3: one attempt under one suite."""

    def __init__(self, config, offer, suite, obeyed):
        self.suite = suite
        self.static = X25519PrivateKey.from_private_bytes(bytes.fromhex(config["identity_secret"]))
        partition = bytes.fromhex(config["partition_key"])
        header = bytes([INIT, 1]) + struct.pack(">Q", config["serial"]) + bytes([suite.number])
        header += bytes([len(offer)]) + bytes(offer) + bytes([len(obeyed)]) + bytes(obeyed)

        self.state = state = Symmetric(suite, suite.handshake)
        state.mix_hash(b"lunacm STC handshake\0" + header)
        state.mix_hash(partition)
        self.e = X25519PrivateKey.generate()
        noise = raw(self.e.public_key())
        state.mix_hash(noise)
        state.mix_key(dh(self.e, partition))
        if suite.hybrid:
            self.e1 = MLKEM768PrivateKey.generate()
            noise += state.encrypt_and_hash(raw(self.e1.public_key()))
        noise += state.encrypt_and_hash(raw(self.static.public_key()))
        state.mix_key(dh(self.static, partition))
        noise += state.encrypt_and_hash(b"")
        self.message = header + noise

    def verdict(self, answer):
        """None if the handshake stands, else the suites that are permitted."""
        if answer[0] != ANSWER:
            raise SystemExit("the partition refused the handshake (0x%02x)" % answer[0])
        state, noise = self.state, answer[1:]
        remote, noise = noise[:32], noise[32:]
        state.mix_hash(remote)
        state.mix_key(dh(self.e, remote))
        if self.suite.hybrid:
            sealed, noise = noise[:CIPHERTEXT + TAG], noise[CIPHERTEXT + TAG:]
            state.mix_key(self.e1.decapsulate(state.decrypt_and_hash(sealed)))
        state.mix_key(dh(self.static, remote))
        verdict = state.decrypt_and_hash(noise)
        assert len(verdict) == 18
        permitted = list(verdict[2:2 + verdict[1]])
        assert verdict[2 + verdict[1]:] == bytes(16 - verdict[1])
        return None if verdict[0] == 0 else permitted


def agree(connection, config):
    """Section 4, and section 11 if a cookie is demanded."""
    offer, obeyed = config["suites"], []
    connection.cookies = 0
    for _ in range(2):
        suite = next((one for one in offer if not obeyed or one in obeyed), None)
        if suite is None:
            raise SystemExit("no suite in common")
        attempt = Handshake(config, offer, Suite(suite), obeyed)
        connection.send(attempt.message)
        answer = connection.receive()
        if answer[0] == COOKIE and len(answer) == 17:
            connection.cookies += 1
            connection.send(bytes([INIT_WITH_COOKIE]) + answer[1:] + attempt.message)
            answer = connection.receive()
        obeyed = attempt.verdict(answer)
        if obeyed is None:
            return attempt
    raise SystemExit("a second policy answer")


class Channel:
    """Sections 5, 7 and 10."""

    def __init__(self, connection, handshake, document):
        self.connection, self.suite, self.document = connection, handshake.suite, document
        self.epoch, self.sealed, self.wanted, self.replays = 0, 0, 0, 0
        self.send_key, receive, self.chain, self.hash = handshake.state.split()
        self.receive_keys = {0: receive}
        self.seen, self.rekeying, self.last = set(), None, 0

    def seal(self, kind, plaintext):
        header = struct.pack(">BIQ", kind, self.epoch, self.sealed)
        sealed = self.send_key.seal(self.sealed, header, plaintext)
        self.sealed += 1
        return header + sealed

    def send(self, kind, plaintext):
        self.connection.send(self.seal(kind, plaintext))

    def receive(self):
        """The plaintext of the next data record; control records are obeyed on the way."""
        while True:
            record = self.connection.receive()
            header, sealed = record[:13], record[13:]
            kind, epoch, counter = struct.unpack(">BIQ", header)
            assert kind in (RECORD, CONTROL) and (epoch, counter) not in self.seen
            plaintext = self.receive_keys[epoch].open(counter, header, sealed)
            self.seen.add((epoch, counter))
            if kind == RECORD:
                return plaintext
            self.obey(plaintext)

    def obey(self, control):
        kind, rest = control[0], control[1:]
        if kind == 0x01:
            self.wanted += 1
            self.start_rekey()
        elif kind == 0x03:
            self.finish_rekey(rest)
        elif kind == 0x04:
            (sealed,) = struct.unpack(">Q", rest)
            assert sum(epoch == self.epoch - 1 for epoch, _ in self.seen) == sealed
            del self.receive_keys[self.epoch - 1]
        elif kind == 0x05:
            self.threshold, self.window = struct.unpack(">QH", rest)
        elif kind == 0x06:
            (self.replays,) = struct.unpack(">Q", rest)
        else:
            raise SystemExit("an unknown control record")

    def start_rekey(self):
        if self.rekeying:
            return
        state = Symmetric(self.suite, self.suite.rekey)
        state.mix_hash(b"lunacm STC rekey\0" + struct.pack(">I", self.epoch + 1) + self.hash)
        state.mix_key_and_hash(self.chain)
        e, e1 = X25519PrivateKey.generate(), MLKEM768PrivateKey.generate()
        message = raw(e.public_key())
        state.mix_hash(message)
        state.mix_key(message)
        if self.suite.hybrid:
            message += state.encrypt_and_hash(raw(e1.public_key()))
        message += state.encrypt_and_hash(b"")
        self.rekeying = state, e, e1
        self.send(CONTROL, b"\x02" + message)

    def finish_rekey(self, message):
        state, e, e1 = self.rekeying
        remote, rest = message[:32], message[32:]
        state.mix_hash(remote)
        state.mix_key(remote)
        state.mix_key(dh(e, remote))
        if self.suite.hybrid:
            sealed, rest = rest[:CIPHERTEXT + TAG], rest[CIPHERTEXT + TAG:]
            state.mix_key(e1.decapsulate(state.decrypt_and_hash(sealed)))
        assert state.decrypt_and_hash(rest) == b""
        before = self.sealed
        self.rekeying, self.epoch, self.sealed = None, self.epoch + 1, 0
        self.send_key, receive, self.chain, self.hash = state.split()
        self.receive_keys[self.epoch] = receive
        self.send(CONTROL, b"\x04" + struct.pack(">Q", before))

    def send_message(self, content, sizes=()):
        """Sends a request: pieces of these sizes, then the rest in one. Gives its identifier."""
        self.last += 1
        records = []
        for place, size in enumerate(sizes):
            records.append(self.seal(RECORD, struct.pack(">IB", self.last, place << 1) + content[:size]))
            content = content[size:]
        last = struct.pack(">IB", self.last, len(sizes) << 1 | 1) + content
        self.connection.send_all(records + [self.seal(RECORD, last)])
        return self.last

    def reply(self):
        """The next reply and its identifier; of one whose parts are not mixed with others."""
        content, parts, first = b"", 0, None
        while True:
            part = self.receive()
            number, place = struct.unpack(">IB", part[:5])
            first = number if first is None else first
            assert (number, place >> 1) == (first, parts)
            content, parts = content + part[5:], parts + 1
            if place & 1:
                return number, self.document.message("Reply", content)

    def ask_bytes(self, content, sizes=()):
        identifier = self.send_message(content, sizes)
        number, reply = self.reply()
        assert number == identifier
        return reply

    def ask(self, request, reply):
        """Asks for a reply of this name, and gives what is in it."""
        got = self.ask_bytes(self.document.encode("Request", request))
        if got == reply:
            return None
        if isinstance(got, str) or reply not in got:
            raise SystemExit("%s instead of %s" % (got, reply))
        return got[reply]


class Client:
    """What is needed to connect."""

    def __init__(self, config):
        self.config, self.document = config, Document(config["document"])

    def channel(self, **other):
        config = {**self.config, **other}
        connection = Connection(config)
        return Channel(connection, agree(connection, config), self.document)

    def activated(self):
        channel = self.channel()
        activated = channel.ask({"Activate": {"client": self.config["label"]}}, "Activated")
        channel.number, channel.partition = activated["channel"], activated["partition"]
        return channel


def describe(client):
    channel = client.activated()
    described = channel.ask("Describe", "Partition")
    assert described == channel.partition
    # A nested request, and a reply of structures in a list in a variant.
    mechanisms = channel.ask({"Cryptoki": "Mechanisms"}, "Cryptoki")["Mechanisms"]
    # The keys are changed while requests go on; afterwards the partition says the same.
    for _ in range(2):
        before = channel.epoch
        channel.start_rekey()
        for _ in range(4):
            channel.ask("Ping", "Done")
        assert channel.epoch == before + 1 and len(channel.receive_keys) == 1
    assert channel.ask("Describe", "Partition") == described
    return {**facts(channel), "partition": described, "mechanisms": mechanisms}


def facts(channel):
    return {
        "channel": channel.number,
        "suite": channel.suite.number,
        "cookies": channel.connection.cookies,
        "epoch": channel.epoch,
        "wanted": channel.wanted,
        "rekey_threshold": channel.threshold,
        "replay_window": channel.window,
    }


def wait(client):
    """Requests of as many parts as there are numbers, each of one byte, until the threshold."""
    channel = client.activated()
    unknown = {"session": 1, "operation": "Encrypt", "data": bytes(128).hex()}
    request = client.document.encode("Request", {"Cryptoki": {"Update": unknown}})
    parts = [1] * 127
    assert len(request) > len(parts)
    channel.ask("Ping", "Done")
    threshold, sealed, messages = channel.threshold, channel.sealed, 0
    while channel.epoch == 0:
        assert channel.sealed < threshold + 2 * 128, "the partition does not ask"
        sealed = channel.sealed
        assert channel.ask_bytes(request, parts) == {"Failed": 0xB3}
        messages += 1
    # Nothing was asked for before its time.
    assert sealed + 128 >= threshold
    for _ in range(4):
        channel.ask("Ping", "Done")
    return {**facts(channel), "messages": messages}


PING, MALFORMED = b"\x01", b"\xff"
ARGUMENTS_BAD, REJECTED, SESSION_INVALID = 0x7, 0x200, 0x80000053


def break_rules(client):
    """Each deed on a link of its own. What is in the lists ends the link without an answer."""
    silent = [incomplete_65, message_too_large, too_much_in_all, out_of_place, place_twice, nothing_in_it,
              unknown_control, foreign_control, changed_in_epoch_0, rekey_twice, altered, empty_frame]
    done = []
    for deed in silent:
        channel = client.activated()
        deed(channel)
        assert channel.connection.ends(), deed.__name__
        done.append(deed.__name__)
    for deed in (before_activation, once_activated, limits_reached, one_identifier, replayed, first_messages):
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


def fill(channel, messages, less=0):
    """Messages of 4 MiB each of which the last part is missing."""
    for identifier in range(1000, 1000 + messages):
        left, place = 4 * 1024 * 1024 - (less if identifier == 1000 else 0), 0
        while left:
            size = min(left, 65531)
            part(channel, identifier, place << 1, bytes(size))
            left, place = left - size, place + 1


def too_much_in_all(channel):
    fill(channel, 2)
    channel.send_message(PING)


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
    # One byte is left for the ping.
    fill(channel, 2, less=1)
    channel.ask("Ping", "Done")


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
        connection.send(Handshake(stranger, suites, Suite(suites[0]), []).message)
        assert connection.receive() == bytes([REFUSAL]) + bytes(size - 1) and connection.ends()
    # Four first messages and no more.
    connection = Connection(client.config)
    for _ in range(4):
        attempt = Handshake(client.config, [0x01], Suite(0x01), [])
        connection.send(attempt.message)
        assert attempt.verdict(connection.receive()) == [0x11, 0x12, 0x13, 0x14]
    assert connection.ends()


def main():
    client = Client(json.load(sys.stdin))
    deed = {"describe": describe, "wait": wait, "break": break_rules}[client.config["deed"]]
    json.dump(deed(client), sys.stdout)


if __name__ == "__main__":
    main()

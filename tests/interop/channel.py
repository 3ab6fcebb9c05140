"""Links by docs/protocol.md: frames, handshakes, records, parts, changes of keys."""

import os
import socket
import ssl
import struct

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from messages import Document
from noise import Suite, Symmetric, dh, raw

PATIENCE_SECONDS = 30
TAG = 16
CIPHERTEXT = 1088
INIT, ANSWER, REFUSAL, VERSION, COOKIE, INIT_WITH_COOKIE, RECORD, CONTROL = (
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11)


class Connection:
    """Frames in TLS; the appliance's certificate is the registered one."""

    def __init__(self, config, protocol="lunacm-stc/1", certificate=None):
        with open(config["certificate"], encoding="ascii") as file:
            expected = ssl.PEM_cert_to_DER_cert(file.read())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        if certificate is not None:
            context.load_cert_chain(*certificate)
        tcp = socket.create_connection((config["host"], config["port"]), PATIENCE_SECONDS)
        self.tls = context.wrap_socket(tcp, server_hostname=config["host"])
        if self.tls.getpeercert(binary_form=True) != expected:
            raise SystemExit("the appliance shows another certificate")

    def draw(self):
        """What ephemeral keys are made of, 32 bytes at a time."""
        return os.urandom(32)

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

    def __init__(self, connection, config, offer, suite, obeyed):
        self.suite = suite
        self.static = X25519PrivateKey.from_private_bytes(bytes.fromhex(config["identity_secret"]))
        partition = bytes.fromhex(config["partition_key"])
        header = bytes([INIT, 1]) + struct.pack(">Q", config["serial"]) + bytes([suite.number])
        header += bytes([len(offer)]) + bytes(offer) + bytes([len(obeyed)]) + bytes(obeyed)

        self.state = state = Symmetric(suite, suite.handshake)
        state.mix_hash(b"lunacm STC handshake\0" + header)
        state.mix_hash(partition)
        self.e = X25519PrivateKey.from_private_bytes(connection.draw())
        noise = raw(self.e.public_key())
        state.mix_hash(noise)
        state.mix_key(dh(self.e, partition))
        if suite.hybrid:
            # Both seeds of key generation: FIPS 203, Algorithm 16.
            self.e1 = MLKEM768PrivateKey.from_seed_bytes(connection.draw() + connection.draw())
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
        attempt = Handshake(connection, config, offer, Suite(suite), obeyed)
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
        draw = self.connection.draw
        e = X25519PrivateKey.from_private_bytes(draw())
        e1 = MLKEM768PrivateKey.from_seed_bytes(draw() + draw()) if self.suite.hybrid else None
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


class Plain(Channel):
    """Section 12: parts in frames."""

    def __init__(self, connection, document):
        self.connection, self.document, self.last = connection, document, -1

    def seal(self, kind, plaintext):
        return plaintext

    def receive(self):
        return self.connection.receive()


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
        channel.label = self.config["label"]
        return channel

    def plain(self):
        certificate = self.config["client_certificate"], self.config["client_key"]
        return Plain(Connection(self.config, "lunacm-ntls/1", certificate), self.document)

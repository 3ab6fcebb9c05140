"""A client of the protocol, written from docs/protocol.md alone.

Needs Python 3.9 or newer and the package `cryptography` with ML-KEM (48 or newer). Reads one JSON
object from standard input:

    host, port, certificate (PEM), serial, partition_key (hex), identity_secret (hex), label, suites

and writes one to standard output: what `describe` told about the partition, the suite, and how often
the keys were changed while it asked.
"""

import hashlib
import hmac
import json
import socket
import ssl
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

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
    for _ in range(2):
        suite = next((one for one in offer if not obeyed or one in obeyed), None)
        if suite is None:
            raise SystemExit("no suite in common")
        attempt = Handshake(config, offer, Suite(suite), obeyed)
        connection.send(attempt.message)
        answer = connection.receive()
        if answer[0] == COOKIE and len(answer) == 17:
            connection.send(bytes([INIT_WITH_COOKIE]) + answer[1:] + attempt.message)
            answer = connection.receive()
        obeyed = attempt.verdict(answer)
        if obeyed is None:
            return attempt
    raise SystemExit("a second policy answer")


class Channel:
    """Sections 5, 7 and 10."""

    def __init__(self, connection, handshake):
        self.connection, self.suite = connection, handshake.suite
        self.epoch, self.sealed = 0, 0
        self.send_key, receive, self.chain, self.hash = handshake.state.split()
        self.receive_keys = {0: receive}
        self.seen, self.rekeying, self.last = set(), None, 0

    def send(self, kind, plaintext):
        header = struct.pack(">BIQ", kind, self.epoch, self.sealed)
        sealed = self.send_key.seal(self.sealed, header, plaintext)
        self.sealed += 1
        self.connection.send(header + sealed)

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

    def ask(self, request):
        self.last += 1
        self.send(RECORD, struct.pack(">IB", self.last, 1) + request)
        reply, parts = b"", 0
        while True:
            part = self.receive()
            number, flags = struct.unpack(">IB", part[:5])
            assert (number, flags >> 1) == (self.last, parts)
            reply, parts = reply + part[5:], parts + 1
            if flags & 1:
                return Reader(reply)


class Reader:
    """Section 8: postcard."""

    def __init__(self, content):
        self.rest = content

    def take(self, size):
        taken, self.rest = self.rest[:size], self.rest[size:]
        assert len(taken) == size
        return taken

    def number(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self):
        return self.take(self.number()).decode()

    def flag(self):
        return {0: False, 1: True}[self.take(1)[0]]

    def optional(self, read):
        return read() if self.flag() else None


def varint(value):
    made = b""
    while value >= 0x80:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def partition(reader):
    """`PartitionInfo`."""
    info = {
        "serial": reader.number(),
        "label": reader.optional(reader.text),
        "user_initialized": reader.flag(),
        "model": reader.text(),
        "firmware": reader.text(),
        "total_storage": reader.number(),
        "used_storage": reader.number(),
        "objects": reader.number(),
        "clients": reader.number(),
        "ouid": reader.take(12).hex(),
        "logged_in": reader.optional(reader.number),
    }
    assert reader.rest == b"", "bytes are left over"
    return info


def expect(reader, number):
    got = reader.number()
    if got != number:
        raise SystemExit("reply %d instead of %d: %s" % (got, number, reader.rest.hex()))
    return reader


def main():
    config = json.load(sys.stdin)
    connection = Connection(config)
    channel = Channel(connection, agree(connection, config))
    label = config["label"].encode()
    activated = expect(channel.ask(varint(0) + varint(len(label)) + label), 2)
    number = activated.number()
    partition(activated)

    described = partition(expect(channel.ask(varint(2)), 3))
    # The keys are changed while requests go on; afterwards the partition says the same.
    for _ in range(2):
        before = channel.epoch
        channel.start_rekey()
        for _ in range(4):
            expect(channel.ask(varint(1)), 0)
        assert channel.epoch == before + 1 and len(channel.receive_keys) == 1
    assert partition(expect(channel.ask(varint(2)), 3)) == described
    json.dump({
        "channel": number,
        "suite": channel.suite.number,
        "epoch": channel.epoch,
        "rekey_threshold": channel.threshold,
        "replay_window": channel.window,
        "partition": described,
    }, sys.stdout)


if __name__ == "__main__":
    main()

"""Messages by the tables of docs/messages.md, and by nothing else.

As a program it encodes and decodes the vectors: messages.py docs/messages.md data/vectors/messages-v1.json
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

UNSIGNED = {"u16": (3, 16), "u32": (5, 32), "u64": (10, 64)}
CHARACTERS = r"A-Za-z0-9 !#$%'()*+,\-./:=@\[\]^_{}~"
LABEL = re.compile("(?! )[%s]{1,32}" % CHARACTERS)
CLIENT_LABEL = re.compile("(?![ .-])[%s]{1,64}" % CHARACTERS.replace("/", ""))
RULES = {"Label": LABEL, "ClientLabel": CLIENT_LABEL}
DEEPEST_TEMPLATES = 3
LARGEST = 4 * 1024 * 1024


class Malformed(Exception):
    """The bytes are no message."""


class Document:
    """The types that the document has tables of."""

    def __init__(self, path):
        self.fields, self.variants, self.names, self.replies = {}, {}, {}, {}
        heading, columns = "", None
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("#"):
                    heading = line.strip("# \n").strip("`")
                if not line.startswith("|"):
                    columns = None
                    continue
                cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
                if columns is None:
                    columns = cells
                elif not set(cells[0]) <= {"-"}:
                    self.take(heading, columns, cells)

    def take(self, heading, columns, cells):
        if columns[:3] == ["name", "is", "rule"]:
            self.names[cells[0]] = cells[1]
        elif columns[:2] == ["field", "type"]:
            self.fields.setdefault(heading, []).append((cells[0], cells[1]))
        elif columns[:3] == ["number", "variant", "fields"]:
            fields = [field.rpartition(": ")[::2] for field in cells[2].split(", ") if field]
            self.variants.setdefault(heading, []).append((cells[1], fields))
            if columns[-1] == "reply":
                self.replies[cells[1]] = re.findall("[A-Z][A-Za-z]*", cells[-1])

    def encode(self, kind, value):
        if kind in self.names:
            return self.encode(self.names[kind], value)
        if kind == "u8":
            return bytes([value])
        if kind in UNSIGNED:
            return varint(int(value))
        if kind == "bool":
            return bytes([value])
        if kind == "text":
            return counted(value.encode())
        if kind == "bytes":
            return counted(octets(value))
        if kind.startswith("bytes("):
            return octets(value)
        outer, inner = generic(kind)
        if outer == "option":
            return b"\0" if value is None else b"\1" + self.encode(inner, value)
        if outer == "list":
            return varint(len(value)) + b"".join(self.encode(inner, item) for item in value)
        if kind in self.fields:
            return b"".join(self.encode(one, value[name]) for name, one in self.fields[kind])
        return self.encode_variant(kind, value)

    def encode_variant(self, kind, value):
        name, content = (value, None) if isinstance(value, str) else next(iter(value.items()))
        numbers = {name: (number, fields) for number, (name, fields) in enumerate(self.variants[kind])}
        number, fields = numbers[name]
        made = varint(number)
        for field, one in fields:
            made += self.encode(one, content[field] if field else content)
        return made

    def message(self, kind, content):
        """The value of a whole message."""
        reader = Reader(content)
        value = self.decode(kind, reader)
        if len(content) > LARGEST or reader.rest:
            raise Malformed("too large, or bytes are left over")
        return value

    def decode(self, kind, reader, templates=0):
        if kind == "Template":
            templates += 1
            if templates > DEEPEST_TEMPLATES:
                raise Malformed("templates are nested too deep")
        if kind in RULES:
            text = reader.text()
            if not RULES[kind].fullmatch(text):
                raise Malformed("no label")
            return text
        if kind in self.names:
            return self.decode(self.names[kind], reader, templates)
        if kind == "u8":
            return reader.take(1)[0]
        if kind in UNSIGNED:
            return reader.varint(*UNSIGNED[kind])
        if kind == "bool":
            return reader.flag()
        if kind == "text":
            return reader.text()
        if kind == "bytes":
            return reader.take(reader.count()).hex()
        if kind.startswith("bytes("):
            return reader.take(int(kind[6:-1])).hex()
        outer, inner = generic(kind)
        if outer == "option":
            return self.decode(inner, reader, templates) if reader.flag() else None
        if outer == "list":
            return [self.decode(inner, reader, templates) for _ in range(reader.count())]
        if kind in self.fields:
            return {name: self.decode(one, reader, templates) for name, one in self.fields[kind]}
        return self.decode_variant(kind, reader, templates)

    def decode_variant(self, kind, reader, templates):
        number = reader.varint(*UNSIGNED["u32"])
        if number >= len(self.variants[kind]):
            raise Malformed("no such variant of " + kind)
        name, fields = self.variants[kind][number]
        values = {field: self.decode(one, reader, templates) for field, one in fields}
        if not fields:
            return name
        return {name: values.get("", values)}


class Reader:
    def __init__(self, content):
        self.rest = content

    def take(self, size):
        taken, self.rest = self.rest[:size], self.rest[size:]
        if len(taken) < size:
            raise Malformed("cut short")
        return taken

    def varint(self, most, bits):
        value = 0
        for at in range(most):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << 7 * at
            if byte < 0x80:
                if value >> bits:
                    break
                return value
        raise Malformed("no number of its type")

    def count(self):
        return self.varint(*UNSIGNED["u64"])

    def flag(self):
        (byte,) = self.take(1)
        if byte > 1:
            raise Malformed("neither 0 nor 1")
        return byte == 1

    def text(self):
        try:
            return self.take(self.count()).decode()
        except UnicodeDecodeError as error:
            raise Malformed("no UTF-8") from error


def generic(kind):
    outer, _, inner = kind.partition("<")
    return outer, inner[:-1]


def varint(value):
    made = b""
    while value >= 0x80:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def counted(content):
    return varint(len(content)) + content


def octets(value):
    return bytes.fromhex(value) if isinstance(value, str) else bytes(value)


def domain(secret, salt):
    """Section 12: the proof of a domain, and its key."""
    root = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19456).derive(secret)
    return hmac.digest(root, b"verifier", "sha256"), hmac.digest(root, b"wrapping key", "sha256")


def transfer_key(hsm, secret, salt):
    """Section 12: the proof and the key that an HSM's domain and a partition's make."""
    both = domain(hsm, salt)[1] + domain(secret, salt)[1]

    def made(info):
        return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(both)

    return made(b"lunacm transfer v2 proof"), made(b"lunacm transfer v2 seal")


def left(key, purpose, sealed):
    """Section 12: the attributes of an object that left a partition."""
    assert sealed[:2] == b"\2\2"
    return xchacha_opened(key, sealed[2:26], sealed[26:], bound(2, purpose))


def opened(key, purpose, sealed):
    """Section 12: the attributes of an object of the earlier form."""
    assert sealed[0] == 1
    return AESGCM(key).decrypt(sealed[1:13], sealed[13:], bound(1, purpose))


def bound(version, purpose):
    """Section 12: the associated data."""
    names = (b"transfer", purpose.lower().encode(), b"attributes")
    return b"lunacm seal v%d\0" % version + b"".join(len(name).to_bytes(8, "big") + name for name in names)


def xchacha_opened(key, nonce, sealed, associated):
    """XChaCha20-Poly1305: HChaCha20 over the first 16 bytes of the nonce gives the key for the rest."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce[:16]))

    def quarter(a, b, c, d):
        for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << bits | mixed >> (32 - bits)) & 0xFFFFFFFF

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for diagonal in range(4):
            quarter(diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4)
    subkey = struct.pack("<8I", *state[:4], *state[12:])
    return ChaCha20Poly1305(subkey).decrypt(bytes(4) + nonce[16:], sealed, associated)


def identity(file):
    """protocol.md, section 14: the key of an identity file, and its hash."""
    lines = file.splitlines()
    assert re.fullmatch("lunacm STC (client|partition) identity, version 1", lines[0])
    assert lines[-1] == "End of " + lines[0][:-len(", version 1")]
    values = [line.split(": ", 1) for line in lines[1:-1]]
    optional = [[], ["Label"]] if "partition" in lines[0] else [["Label"]]
    serial = ["Serial-Number"] if "partition" in lines[0] else []
    assert [name for name, _ in values] in [serial + label + ["Algorithm", "Public-Key"] for label in optional]
    key = base64.b64decode(values[-1][1], validate=True)
    digits = hashlib.sha256(b"lunacm STC identity v1\0" + key).hexdigest()
    return key.hex(), " ".join(digits[at:at + 4] for at in range(0, 64, 4))


def check(document, vectors):
    """How many messages came out as they are recorded."""
    checked = 0
    for kind, name in (("Request", "requests"), ("Reply", "replies")):
        for vector in vectors[name]:
            encoding = bytes.fromhex(vector["encoding"])
            assert document.encode(kind, vector["value"]) == encoding, vector
            assert document.encode(kind, document.message(kind, encoding)) == encoding, vector
            checked += 1
    for vector in vectors["longer varints"]:
        told = document.message("Request", bytes.fromhex(vector["encoding"]))
        assert told == vector["value"], vector
        checked += 1
    for vector in vectors["malformed requests"]:
        try:
            document.message("Request", bytes.fromhex(vector["encoding"]))
        except Malformed:
            checked += 1
        else:
            raise AssertionError("taken: %s" % vector)
    for vector in vectors["ntls"]:
        request = document.encode("Request", vector["value"])
        part = vector["identifier"].to_bytes(4, "big") + b"\1" + request
        assert len(part).to_bytes(4, "big") + part == bytes.fromhex(vector["frame"]), vector
        checked += 1
    for vector in vectors["identity files"]:
        assert identity(vector["file"]) == (vector["key"], vector["hash"]), vector
        checked += 1
    one = vectors["domain"]
    proof, key = domain(bytes.fromhex(one["secret"]), bytes.fromhex(one["salt"]))
    assert (proof.hex(), key.hex()) == (one["proof"], one["key"])
    sealed = opened(key, one["purpose"], bytes.fromhex(one["sealed"]))
    assert document.encode("Template", one["object"]) == sealed
    hsm, secret, salt = (bytes.fromhex(one[name]) for name in ("hsm_secret", "secret", "salt"))
    proof, key = transfer_key(hsm, secret, salt)
    assert (proof.hex(), key.hex()) == (one["transfer_proof"], one["transfer_key"])
    assert left(key, one["purpose"], bytes.fromhex(one["transferred"])) == sealed
    assert assembled(vectors["parts"]["parts"]) == {
        one["identifier"]: one["message"] for one in vectors["parts"]["messages"]}
    return checked


def assembled(parts):
    """Messages by their identifiers, put together from the plaintexts of records."""
    pieces = {}
    for part in map(bytes.fromhex, parts):
        identifier, place = int.from_bytes(part[:4], "big"), part[4]
        so_far = pieces.setdefault(identifier, [])
        assert place >> 1 == len(so_far)
        so_far.append(part[5:])
    return {identifier: b"".join(whole).hex() for identifier, whole in pieces.items()}


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as vectors_file:
        print(check(Document(sys.argv[1]), json.load(vectors_file)))

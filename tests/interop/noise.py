"""What docs/protocol.md takes from the Noise Protocol Framework (revision 34)."""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


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

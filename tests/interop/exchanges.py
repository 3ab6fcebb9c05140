"""The client's side of every exchange in data/vectors/stc-v1.json, which is its argument."""

import hmac
import json
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from channel import INIT_WITH_COOKIE, RECORD, REFUSAL, Channel, agree
from noise import Suite


class Turn(Exception):
    """It is the client's turn to speak."""


class Script:
    """A connection over which only what is recorded may be said: who, what, what is drawn for it."""

    def __init__(self):
        self.lines, self.at = [], 0

    def add(self, speaker, said, drawn=None):
        self.lines.append((speaker, bytes.fromhex(said), drawn))

    def draw(self):
        return bytes.fromhex(self.lines[self.at][2])

    def send(self, content):
        speaker, said, _ = self.lines[self.at]
        assert (speaker, said) == ("client", content), "the record %d differs" % self.at
        self.at += 1

    def receive(self):
        if self.at == len(self.lines) or self.lines[self.at][0] == "client":
            raise Turn
        self.at += 1
        return self.lines[self.at - 1][1]


def identities(case):
    partition = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["partition_secret"]))
    return {
        "serial": case["serial"],
        "identity_secret": case["client_secret"],
        "partition_key": partition.public_key().public_bytes_raw().hex(),
    }


def exchange(case):
    script = Script()
    for handshake in case["handshakes"]:
        script.add("client", handshake["message"], handshake["client_random"])
        script.add("partition", handshake["answer"])
    for record in case["records"]:
        script.add(record["from"], record["record"], record.get("random"))
    try:
        agreed = agree(script, {**identities(case), "suites": case["offer"]})
    except SystemExit as end:
        assert str(end) == "no suite in common" and not case["records"]
    else:
        assert agreed.suite.number in case["permitted"]
        talk(Channel(script, agreed, None), script, case["records"])
    assert script.at == len(script.lines)


def talk(channel, script, records):
    """Sends and receives data as recorded; the channel says the rest by itself."""
    first = script.at
    control = []
    obey = channel.obey
    channel.obey = lambda plaintext: (control.append(plaintext), obey(plaintext))
    while script.at < len(script.lines):
        record = records[script.at - first]
        if record["from"] == "client":
            channel.send(RECORD, bytes.fromhex(record["plaintext"]))
            continue
        try:
            plaintext = channel.receive()
        except Turn:
            continue
        assert plaintext.hex() == records[script.at - first - 1]["plaintext"]
    told = [record["plaintext"] for record in records if record["from"] == "partition" and "random" in record]
    assert [plaintext.hex() for plaintext in control] == told
    assert (channel.epoch, channel.threshold, channel.window) == (1, 1_000_000, 100)


def cookie(case, identities):
    script = Script()
    script.add("client", case["message"], case["client_random"])
    script.add("partition", case["demand"])
    script.add("client", case["repeated"])
    script.add("partition", case["answer"])
    agree(script, {**identities, "suites": [0x11]})
    assert script.cookies == 1
    secret, address, message = (bytes.fromhex(case[name]) for name in ("cookie_secret", "address", "message"))
    mac = hmac.digest(secret, b"lunacm STC cookie\0" + len(address).to_bytes(4, "big") + address + message, "sha256")
    assert bytes.fromhex(case["repeated"]) == bytes([INIT_WITH_COOKIE]) + mac[:16] + message


def refusal(case):
    suite = Suite(bytes.fromhex(case["message"])[10])
    assert bytes.fromhex(case["answer"]) == bytes([REFUSAL]) + bytes(1170 if suite.hybrid else 66)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        if "handshakes" in case:
            exchange(case)
        elif case["name"] == "a cookie":
            cookie(case, identities(cases[0]))
        elif case["name"] == "refusal":
            refusal(case)
        else:
            assert (case["message"], case["answer"]) == ("0102", "0401")
    print(len(cases))


if __name__ == "__main__":
    main()

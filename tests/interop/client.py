"""A client of the protocol, written from docs/protocol.md and docs/messages.md alone.

Needs Python 3.9 or newer and the package `cryptography` with ML-KEM (48 or newer). Reads one JSON
object from standard input:

    deed, document (the path of docs/messages.md), host, port, certificate (PEM), serial,
    partition_key (hex), identity_secret (hex), label, suites

does the deed, and writes to standard output, again in JSON, what came of it. The deeds:

    describe        asks about the partition and its mechanisms while it changes keys
    wait            seals records until the partition wants the keys changed
    break           breaks the protocol's rules one by one, and sees to what the document says of it
    crowd, silent   meets the limits of links, of idle ones, and of those without a request
    transfer        makes a key as the Crypto Officer, uses it, and opens what leaves the partition, of
                    which it knows the domain
    tour            makes every request, and gets the reply that the document's table names
    ntls            is a client by certificate; client_certificate and client_key (PEM) stand for the
                    identity
"""

import contextlib
import json
import os
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from channel import Client, Connection
from messages import domain, left, transfer_key
from rules import NOT_PRESENT, REJECTED, SESSION_INVALID, break_rules, crowd, silent
from tour import tour

AES_KEY_GEN, AES_GCM = 0x1080, 0x1087
CLASS, TOKEN, LABEL, VALUE, ENCRYPT, VALUE_LEN = 0x0, 0x1, 0x3, 0x11, 0x104, 0x161
SENSITIVE = 0x11


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


def transfer(client):
    channel = client.activated()

    def keys(request, reply):
        return channel.ask({"Cryptoki": request}, "Cryptoki")[reply]

    channel.ask({"Login": {"role": "Crypto Officer", "password": client.config["password"]}}, "Done")
    channel.ask({"Cryptoki": {"OpenSession": {"session": 1, "read_write": True}}}, "Done")
    wanted = {TOKEN: {"Boolean": True}, LABEL: {"Bytes": b"a key".hex()}, ENCRYPT: {"Boolean": True},
              VALUE_LEN: {"Number": 32}}
    template = [{"kind": kind, "value": value} for kind, value in wanted.items()]
    generate = {"mechanism": AES_KEY_GEN, "parameters": "None"}
    key = keys({"GenerateKey": {"session": 1, "mechanism": generate, "template": template}}, "Object")
    asked = {"session": 1, "object": key, "types": [LABEL, CLASS, VALUE]}
    assert keys({"GetAttributes": asked}, "Attributes") == [
        {"Value": {"Bytes": b"a key".hex()}}, {"Value": {"Number": 4}}, {"Refused": SENSITIVE}]
    search = {"session": 1, "template": template[1:2], "after": None, "limit": 10}
    assert keys({"FindObjects": search}, "Found") == {"objects": [key], "more": False}
    (listed,) = channel.ask("Contents", "Objects")
    assert (listed["label"], listed["handle"], listed["class"]) == ("a key", key, 4)

    nonce, associated, text = os.urandom(12), b"who", b"a text" * 100
    gcm = {"nonce": nonce.hex(), "associated": associated.hex(), "tag_bits": 128}
    ciphertext = keys({"Perform": {
        "session": 1, "operation": "Encrypt", "key": key, "data": text.hex(), "signature": "",
        "mechanism": {"mechanism": AES_GCM, "parameters": {"Gcm": gcm}}}}, "Bytes")

    salt = os.urandom(16)
    secrets = (client.config["hsm_domain"].encode(), client.config["domain"].encode())
    proof, known = domain(secrets[1], salt)
    assert channel.ask({"DomainProof": {"salt": salt.hex()}}, "DomainProof") == proof.hex()
    proof, under = transfer_key(*secrets, salt)
    assert channel.ask({"TransferProof": {"salt": salt.hex()}}, "DomainProof") == proof.hex()
    export = {"handle": key, "purpose": "Backup", "salt": salt.hex()}
    sealed = bytes.fromhex(channel.ask({"ExportObject": export}, "Sealed"))
    # The HSM opens it; who knows the partition's domain alone does not.
    with contextlib.suppress(InvalidTag):
        left(known, "Backup", sealed)
        raise AssertionError("opened without the HSM's domain")
    object_ = client.document.message("Template", left(under, "Backup", sealed))
    attributes = {attribute["kind"]: attribute["value"] for attribute in object_}
    assert all(attributes[kind] == value for kind, value in wanted.items())
    # What left is the key that encrypted.
    value = bytes.fromhex(attributes[VALUE]["Bytes"])
    assert AESGCM(value).decrypt(nonce, bytes.fromhex(ciphertext), associated) == text
    take_in = {"sealed": sealed.hex(), "purpose": "Backup", "salt": salt.hex(), "replace": False}
    assert channel.ask({"ImportObject": take_in}, "Imported") == {"Present": key}
    assert channel.ask("Clear", "Left") == 0
    return facts(channel)


def ntls(client):
    serial, encode = client.config["serial"], client.document.encode
    for first, status in (({"Open": {"serial": serial + 1}}, NOT_PRESENT), ("Ping", SESSION_INVALID),
                          ({"Activate": {"client": "python"}}, REJECTED)):
        channel = client.plain()
        assert channel.ask_bytes(encode("Request", first)) == {"Failed": status}
        assert channel.connection.ends()
    channel = client.plain()
    for _ in range(2):
        serials = channel.ask("Assigned", "Serials")
    partition = channel.ask({"Open": {"serial": serial}}, "Activated")["partition"]
    assert channel.ask("Describe", "Partition") == partition
    for late in ("Assigned", {"Open": {"serial": serial}}, {"Activate": {"client": "python"}}):
        assert channel.ask_bytes(encode("Request", late)) == {"Failed": REJECTED}
    assert channel.ask_bytes(encode("Request", "DeregisterSelf")) == {"Failed": REJECTED}
    mechanisms = channel.ask({"Cryptoki": "Mechanisms"}, "Cryptoki")["Mechanisms"]
    # Without a certificate there is no answer.
    connection = Connection(client.config, "lunacm-ntls/1")
    assert connection.ends()
    return {"serials": serials, "partition": partition, "mechanisms": mechanisms}


def main():
    client = Client(json.load(sys.stdin))
    deeds = {"describe": describe, "wait": wait, "transfer": transfer, "tour": tour,
             "break": break_rules, "crowd": crowd, "silent": silent, "ntls": ntls}
    json.dump(deeds[client.config["deed"]](client), sys.stdout)


if __name__ == "__main__":
    main()

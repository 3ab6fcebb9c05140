"""Every request of docs/messages.md on a new partition, with the reply that its table names."""

import os

PARTITION_SO, CRYPTO_OFFICER, CRYPTO_USER = "Partition SO", "Crypto Officer", "Crypto User"
PASSWORD, INITIAL = "a-password-1", "an-initial-1"
DIGEST_KEY, FAILED_LOGINS, EXTENDED_DOMAINS = 9, 20, 44

ATTRIBUTES = {
    "CLASS": 0x0, "TOKEN": 0x1, "LABEL": 0x3, "APPLICATION": 0x10, "VALUE": 0x11, "KEY_TYPE": 0x100,
    "ENCRYPT": 0x104, "WRAP": 0x106, "UNWRAP": 0x107, "SIGN": 0x108, "VERIFY": 0x10A, "DERIVE": 0x10C,
    "VALUE_LEN": 0x161, "EXTRACTABLE": 0x162, "EC_PARAMS": 0x180, "PARAMETER_SET": 0x61D,
}
SECRET_KEY, GENERIC_SECRET, AES = 0x4, 0x10, 0x1F
AES_KEY_GEN, AES_ECB, AES_CMAC, AES_KEY_WRAP, AES_ECB_ENCRYPT_DATA = 0x1080, 0x1081, 0x108A, 0x2109, 0x1104
EC_KEY_PAIR_GEN, ML_KEM_KEY_PAIR_GEN, ML_KEM, SHA256 = 0x1040, 0xF, 0x17, 0x250
P_256 = "06082a8648ce3d030107"


class Tour:
    def __init__(self, channel, asked):
        self.channel, self.asked = channel, asked
        self.replies = channel.document.replies

    def ask(self, name, **fields):
        """What is in the reply, which has to be the one that the table names."""
        return self.expect(name, {name: fields} if fields else name)

    def ask_one(self, name, field):
        """As `ask`, for a request with one field that has no name."""
        return self.expect(name, {name: field})

    def expect(self, name, request):
        (reply,) = self.replies[name]
        self.asked.add(name)
        return self.channel.ask(request, reply)

    def keys(self, name, **fields):
        """As `ask`, for requests about objects and keys."""
        request = {"Cryptoki": {name: fields} if fields else name}
        replies = self.replies[name]
        if len(replies) > 1:
            # Done for Verify, else Bytes.
            done, verify, other = replies
            reply = done if fields["operation"] == verify else other
        else:
            (reply,) = replies
        self.asked.add(name)
        if reply == "Done":
            return self.channel.ask(request, reply)
        return self.channel.ask(request, "Cryptoki")[reply]


def template(**wanted):
    values = {bool: "Boolean", int: "Number", str: "Bytes"}
    return [{"kind": ATTRIBUTES[name], "value": {values[type(value)]: value}} for name, value in wanted.items()]


def plain(mechanism, parameters="None"):
    return {"mechanism": mechanism, "parameters": parameters}


def tour(client):
    asked = {"Activate"}
    channel = client.activated()
    tour = Tour(channel, asked)
    as_officer(tour)
    tour.ask("Logout")
    salt = os.urandom(16).hex()
    # Objects of the token, so that something leaves and something is cleared.
    as_crypto_officer(tour)
    objects_and_keys(tour)
    (handle,) = [one["handle"] for one in tour.ask("Contents") if one["label"] == "kept"]
    tour.ask("DomainProof", salt=salt)
    tour.ask("TransferProof", salt=salt)
    sealed = tour.ask("ExportObject", handle=handle, purpose="Clone", salt=salt)
    assert tour.ask("Clear") == 0
    taken_in = tour.ask("ImportObject", sealed=sealed, purpose="Clone", salt=salt, replace=True)
    assert list(taken_in) == ["Added"]
    tour.keys("CloseAllSessions")
    tour.ask("DeregisterSelf")
    assert channel.connection.ends()
    return sorted(set(channel.document.replies) - asked)


def as_officer(tour):
    tour.ask("Ping")
    assert tour.ask("Describe")["label"] is None
    policies = [{"number": EXTENDED_DOMAINS, "value": 1}, {"number": DIGEST_KEY, "value": 1}]
    tour.ask("Initialize", label="tour", password=PASSWORD, domain="dom", domain_label="first", policies=policies)
    application = {"major": 7, "minor": 8}
    for request in ("OpenApplication", "JoinApplication"):
        tour.ask_one(request, application)
    tour.ask("Login", role=PARTITION_SO, password=PASSWORD)
    tour.ask("CreateRole", role=CRYPTO_OFFICER, password=INITIAL)
    assert tour.ask("DescribeRole", role=CRYPTO_OFFICER)["password_to_be_changed"]
    tour.ask("ChangePolicies", changes=[{"number": FAILED_LOGINS, "value": 5}], erase=False)
    values = {one["number"]: one["value"] for one in tour.ask("Policies")["policies"]}
    assert [values[number] for number in (DIGEST_KEY, FAILED_LOGINS, EXTENDED_DOMAINS)] == [1, 5, 1]
    tour.ask("ChangeLabel", label="another")
    tour.ask("AddDomain", label="second", domain=None, primary=False)
    tour.ask("RenameDomain", label="second", new="third")
    assert tour.ask("Domains") == [{"label": "first", "primary": True, "default": False},
                                   {"label": "third", "primary": False, "default": True}]
    tour.ask("DeleteDomain", label="third")
    tour.ask("RegisterClient", label="other", key=os.urandom(32).hex())
    assert [one["label"] for one in tour.ask("Clients")] == [tour.channel.label, "other"]
    tour.ask("DeregisterClient", label="other")
    assert tour.ask("Identity")["label"] == "another"
    tour.ask_one("ChangeStcSettings", {"ReplayWindow": 200})
    settings = {"activation_timeout": 120, "rekey_threshold": 400, "replay_window": 200, "algorithms": 0x1F}
    assert tour.ask("StcSettings") == settings
    # The change has come as a control record too.
    assert tour.channel.window == 200
    tour.ask("LogOutOthers", role=CRYPTO_OFFICER)
    tour.ask_one("CloseApplication", application)
    tour.ask("Login", role=PARTITION_SO, password=PASSWORD)


def as_crypto_officer(tour):
    tour.ask("Login", role=CRYPTO_OFFICER, password=INITIAL)
    tour.ask("ChangePassword", role=CRYPTO_OFFICER, old=INITIAL, new=PASSWORD)
    tour.ask("CreateRole", role=CRYPTO_USER, password=INITIAL)
    tour.ask("ResetPassword", role=CRYPTO_USER, password=PASSWORD)


def objects_and_keys(tour):
    keys, one = tour.keys, {"session": 1}
    keys("OpenSession", session=1, read_write=True)
    keys("OpenSession", session=2, read_write=False)
    keys("CloseSession", session=2)
    keys("LoginContext", password=PASSWORD, **one)
    assert len(keys("Mechanisms")) > 100 and len(keys("Random", bytes=100)) == 200

    data = keys("CreateObject", template=template(CLASS=0, LABEL=b"data".hex(), VALUE=b"v".hex()), **one)
    copy = keys("CopyObject", object=data, template=template(LABEL=b"copy".hex()), **one)
    keys("SetAttributes", object=copy, template=template(APPLICATION=b"app".hex()), **one)
    assert keys("GetAttributes", object=copy, types=[ATTRIBUTES["LABEL"], ATTRIBUTES["APPLICATION"]], **one) == [
        {"Value": {"Bytes": b"copy".hex()}}, {"Value": {"Bytes": b"app".hex()}}]
    assert keys("ObjectSize", object=copy, **one) > 96
    keys("DestroyObject", object=data, **one)
    found = keys("FindObjects", template=[], after=None, limit=100, **one)
    assert found == {"objects": [copy], "more": False}

    uses = {"ENCRYPT": True, "WRAP": True, "UNWRAP": True, "SIGN": True, "VERIFY": True, "DERIVE": True}
    kept = template(TOKEN=True, LABEL=b"kept".hex(), VALUE_LEN=32, **uses)
    key = keys("GenerateKey", mechanism=plain(AES_KEY_GEN), template=kept, **one)
    other = template(VALUE_LEN=16, EXTRACTABLE=True)
    other = keys("GenerateKey", mechanism=plain(AES_KEY_GEN), template=other, **one)
    wrapped = keys("WrapKey", mechanism=plain(AES_KEY_WRAP), wrapping_key=key, key=other, **one)
    secret = template(CLASS=SECRET_KEY, KEY_TYPE=AES)
    keys("UnwrapKey", mechanism=plain(AES_KEY_WRAP), unwrapping_key=key, wrapped=wrapped, template=secret, **one)
    generic = template(CLASS=SECRET_KEY, KEY_TYPE=GENERIC_SECRET, VALUE_LEN=16)
    how = plain(AES_ECB_ENCRYPT_DATA, {"Data": bytes(16).hex()})
    keys("DeriveKey", mechanism=how, base_key=key, template=generic, **one)
    keys("GenerateKeyPair", mechanism=plain(EC_KEY_PAIR_GEN), public=template(EC_PARAMS=P_256), private=[], **one)
    pair = template(PARAMETER_SET=1)
    pair = keys("GenerateKeyPair", mechanism=plain(ML_KEM_KEY_PAIR_GEN), public=pair, private=[], **one)
    generic = template(CLASS=SECRET_KEY, KEY_TYPE=GENERIC_SECRET, VALUE_LEN=32)
    made = keys("EncapsulateKey", mechanism=plain(ML_KEM), public_key=pair["public"], template=generic, **one)
    keys("DecapsulateKey", mechanism=plain(ML_KEM), private_key=pair["private"], ciphertext=made["ciphertext"],
         template=generic, **one)
    operations(tour, key, other)


def operations(tour, key, other):
    keys, one, text = tour.keys, {"session": 1}, bytes(32).hex()

    def perform(operation, mechanism, signature=""):
        how = {"operation": operation, "mechanism": plain(mechanism), "key": key}
        return keys("Perform", data=text, signature=signature, **how, **one)

    perform("Encrypt", AES_ECB)
    signature = perform("Sign", AES_CMAC)
    assert perform("Verify", AES_CMAC, signature) is None
    keys("Begin", operation="Verify", mechanism=plain(AES_CMAC), key=key, **one)
    assert keys("Update", operation="Verify", data=text, **one) == ""
    keys("Finish", operation="Verify", signature=signature, **one)
    keys("Begin", operation="Digest", mechanism=plain(SHA256), key=None, **one)
    keys("Update", operation="Digest", data=text, **one)
    assert keys("UpdateWithKey", key=other, **one) == ""
    assert len(keys("Finish", operation="Digest", signature="", **one)) == 64
    keys("Begin", operation="Encrypt", mechanism=plain(AES_ECB), key=key, **one)
    keys("Cancel", operation="Encrypt", **one)

//! Python: python-pkcs11, and the module loaded by hand.

use std::path::PathBuf;

use crate::{
    token::{Token, have, skipped},
    world::run,
};

const PROGRAM: &str = "\
import pkcs11
from pkcs11.util.ec import encode_named_curve_parameters

library = pkcs11.lib('{module}')
token = library.get_token(token_label='par0')
with token.open(rw=True, user_pin='{pin}') as session:
    key = session.generate_key(pkcs11.KeyType.AES, 256, label='aes', store=True)
    iv = session.generate_random(128)
    sealed = key.encrypt(b'a secret that is longer than one block', mechanism_param=iv)
    print('opened:', key.decrypt(sealed, mechanism_param=iv).decode())
    parameters = session.create_domain_parameters(
        pkcs11.KeyType.EC,
        {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters('secp256r1')},
        local=True,
    )
    public, private = parameters.generate_keypair(
        mechanism=pkcs11.Mechanism.EC_KEY_PAIR_GEN, store=True, label='ec'
    )
    signature = private.sign(b'data', mechanism=pkcs11.Mechanism.ECDSA_SHA256)
    print('valid:', public.verify(b'data', signature, mechanism=pkcs11.Mechanism.ECDSA_SHA256))
    print('other:', public.verify(b'date', signature, mechanism=pkcs11.Mechanism.ECDSA_SHA256))
    found = [found.label for found in session.get_objects({pkcs11.Attribute.LABEL: 'ec'})]
    print('found:', len(found))
    for key in list(session.get_objects({pkcs11.Attribute.LABEL: 'ec'})):
        key.destroy()
    print('left:', len(list(session.get_objects({pkcs11.Attribute.LABEL: 'ec'}))))
";

/// What a host program may do with a library: fork with a session open, unload it with a thread
/// around that used it, end in the middle.
const HOST: &str = "\
import _ctypes, ctypes, os, threading

library = ctypes.CDLL('{module}')
U = ctypes.c_ulong

def call(name, *arguments):
    return getattr(library, name)(*arguments)

def open_session():
    session = U()
    assert call('C_OpenSession', U(0), U(6), None, None, ctypes.byref(session)) == 0
    return session

def random(session):
    return call('C_GenerateRandom', session, ctypes.create_string_buffer(16), U(16))

assert call('C_Initialize', None) == 0
session = open_session()
pin = b'{pin}'
assert call('C_Login', session, U(1), pin, U(len(pin))) == 0
for end in ('finalize', 'exit', 'never initialize'):
    child = os.fork()
    if child == 0:
        assert random(session) == 0x190, 'the child has not initialized'
        if end != 'never initialize':
            assert call('C_Initialize', None) == 0
            assert random(open_session()) == 0
        if end == 'finalize':
            assert call('C_Finalize', None) == 0
        raise SystemExit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert random(session) == 0, 'the parent lost its link'
    assert call('C_Logout', session) == 0
    assert call('C_Login', session, U(1), pin, U(len(pin))) == 0

threading.Thread(target=lambda: random(session)).start()
assert call('C_Finalize', None) == 0
_ctypes.dlclose(library._handle)
again = ctypes.CDLL('{module}')
assert again.C_Initialize(None) == 0
print('unloaded and loaded again')
# The process ends with the library in use.
";

/// Where `.ci/tools` puts it, or wherever the user has it.
fn python() -> String {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python3");
    if own.exists() { own.display().to_string() } else { "python3".to_owned() }
}

#[test]
fn a_short_program_runs() {
    if !have(&["python3"]) {
        return;
    }
    let token = Token::new();
    if !token.run(&python(), &["-c", "import pkcs11"]).success {
        skipped("python-pkcs11");
        return;
    }
    token.write("program.py", PROGRAM);
    let shown = run(token.command(&python(), &["{dir}/program.py"]), "");
    shown.ok().has("opened: a secret that is longer than one block");
    shown.has("valid: True").has("other: False").has("found: 2").has("left: 0");
}

#[test]
fn a_fork_and_an_unloading_do_no_harm() {
    if !have(&["python3"]) {
        return;
    }
    let token = Token::new();
    token.write("host.py", HOST);
    token.run("python3", &["{dir}/host.py"]).ok().has("unloaded and loaded again");
}

//! RSA.

use super::{KnownAnswer, digits};
use crate::crypto::{
    HashFunction, OaepScheme, PrimitiveError, PssScheme, RsaComponents, RsaPrivateKey, RsaPublicKey,
};

/// A key that is published for tests: nothing was ever kept under it.
const KEY: &[u8] = include_bytes!("rsa_2048.der");

pub(super) fn rows() -> Vec<KnownAnswer> {
    let keys = RsaComponents::from_der(KEY).and_then(|parts| {
        let public = RsaPublicKey::new(&parts.modulus, &parts.public_exponent)?;
        Ok(Keys { public, private: RsaPrivateKey::new(&parts)? })
    });
    let of = |test: fn(&Keys) -> Result<Vec<u8>, PrimitiveError>| {
        keys.as_ref().map_err(|error| *error).and_then(test)
    };
    vec![
        KnownAnswer::new("RSASSA-PKCS1-v1_5", of(pkcs1), PKCS1),
        KnownAnswer::new(
            "RSASSA-PKCS1-v1_5 with SHA-1",
            of(pkcs1_by_openssl),
            "c4bda2f1392cae2f6b6f64b1b349c7957e57516f45c303fac0f8d44b026480e2",
        ),
        KnownAnswer::new("RSASSA-PSS", of(pss), "01"),
        KnownAnswer::new("RSAES-OAEP", of(oaep), "313233343030"),
        KnownAnswer::new("RSAES-PKCS1-v1_5", of(encryption), "616263"),
        KnownAnswer::new("RSA", of(raw), PKCS1),
    ]
}

struct Keys {
    public: RsaPublicKey,
    private: RsaPrivateKey,
}

fn hash(function: HashFunction) -> Result<Vec<u8>, PrimitiveError> {
    Ok(function.hash(b"abc")?.as_ref().to_vec())
}

fn pkcs1(keys: &Keys) -> Result<Vec<u8>, PrimitiveError> {
    let value = hash(HashFunction::Sha256)?;
    let signature = keys.private.sign_pkcs1(HashFunction::Sha256, &value)?;
    keys.public.verify_pkcs1(HashFunction::Sha256, &value, &signature)?;
    let mut changed = signature.clone();
    changed[100] ^= 1;
    match keys.public.verify_pkcs1(HashFunction::Sha256, &value, &changed) {
        Ok(()) => Err(PrimitiveError::Signature),
        Err(_) => Ok(signature),
    }
}

fn pkcs1_by_openssl(keys: &Keys) -> Result<Vec<u8>, PrimitiveError> {
    let value = hash(HashFunction::Sha1)?;
    let signature = keys.private.sign_pkcs1(HashFunction::Sha1, &value)?;
    keys.public.verify_pkcs1(HashFunction::Sha1, &value, &signature)?;
    Ok(HashFunction::Sha256.hash(&signature)?.as_ref().to_vec())
}

fn pss(keys: &Keys) -> Result<Vec<u8>, PrimitiveError> {
    let (hash, value) = (HashFunction::Sha256, hash(HashFunction::Sha256)?);
    let scheme = PssScheme { hash, mask: hash, salt_bytes: 32 };
    keys.public.verify_pss(scheme, &value, &digits(PSS))?;
    keys.public.verify_pss(scheme, &value, &keys.private.sign_pss(scheme, &value)?)?;
    Ok(vec![1])
}

fn oaep(keys: &Keys) -> Result<Vec<u8>, PrimitiveError> {
    let hash = HashFunction::Sha256;
    let scheme = OaepScheme { hash, mask: hash, label: b"" };
    let text = keys.private.decrypt_oaep(scheme, &digits(OAEP))?;
    let again = keys.private.decrypt_oaep(scheme, &keys.public.encrypt_oaep(scheme, &text)?)?;
    if again == text { Ok(text.to_vec()) } else { Err(PrimitiveError::Data) }
}

fn encryption(keys: &Keys) -> Result<Vec<u8>, PrimitiveError> {
    let text = keys.private.decrypt_pkcs1(&digits(ENCRYPTED))?;
    let again = keys.private.decrypt_pkcs1(&keys.public.encrypt_pkcs1(&text)?)?;
    if again == text { Ok(text.to_vec()) } else { Err(PrimitiveError::Data) }
}

/// The known signature, by the public operation and back by the private one.
fn raw(keys: &Keys) -> Result<Vec<u8>, PrimitiveError> {
    Ok(keys.private.raw(&keys.public.raw(&digits(PKCS1))?)?.to_vec())
}

const PKCS1: &str = "485a79470c145bce2d3e40c64a583e79f5697dc362bc916db830b95b71b6d0fbf34cc2a15eb705ab\
    1df59cfd7d9f65ba6190307f5a63a8c7a11672257d542971db3f53e2eebd91526759f31776a52dc8\
    5021c27fcc10b48e54978fd95d1f0a745bc5ae939c1dd25bdb670d2f8dc96d3b3055374358de0fde\
    977d1049f762c91da426bdadf05bbddd745b28b9032977564f65be790aeb60e173398aa0ebaceec7\
    293a88744cb6cbfca7d1becb283e3879ae3840bc162bcad40a51bd75bbf035a4de880108c0559ab0\
    2b63a30db0328169234c4a4960534ab452c283f392c2472218fc9586cde1af9ed268ddcabd5979b0\
    2be4fccab8b01dee18c49a67d216e49c";

const PSS: &str = "0d6e1ef1d57c573aac9ecba4611503ff3e1c2e2bfad9fe141d343f39ea30077146931526f546836a\
    3c8d903c7a9f1b2d0878ddd549cd5c42f8c6d53954f5f2af3891c5795113fb7f32ce8e8f02fcc30d\
    f8798898cf50e90366a2887bf9df60d52ec6a15e2f1e04429513930545e861aa25764e1297698ffc\
    035a2d414985643daff28334df9770e9f4bdd64c2b679ba775647a6c81a84e615855990e65f47eeb\
    2dcd0ca336a04df1bfa6b666a16b21815464b248e5989930d0bd53ef50640b41205bc2dc2510bcfc\
    9dbbc8dc2ad1af425685d92cb9ab23fde326d8bf5828dd4776c3db62632941189c4cc1137621509b\
    02f2e3b0fc9189e18c1920ffed2377f6";

const OAEP: &str = "0da290b0bf71a1141b2adc62b5b42b07fc52520cb05d1f39ccca7b7c22d379a6c2f2d93143d05705\
    0140527a1e5638243938b531ec3de7014b0151301e49b9fa433482a02abdfd94193dc9c70157e557\
    776a69ded01ecbeac405133595c61165a428b6284729a4746b47d2bbaca9d7432c3b5693591cfee4\
    88eb3c68ddb6cde0dd61cfc6952423f994abecee34f5683732b29934a2c498ad48cdd30c14917718\
    9f48eefd9cc7232df18be11ff5f7e3af7319e3115997c599e2d8f7f4f663dcc40032d403436d3058\
    a5ea66473660f0e195281ec6eba997d2a951ca6ca5f3c112715c89da1d3dfb20a21940594ed10ade\
    90ed7452b753757d7241cb8a803c373a";

const ENCRYPTED: &str = "56d00b9a3c7050158feb95137d1efa015565528792b4e0052e1ef6b85cd97c3a9385cd649a9f55e7\
    8e622786dd44018b7d37100bfbbde5cc605b04eda96e8af184ce58a673c2413e430ceac64ac640c3\
    8c272b81eb68900dd793aa7e1cc4d61e46f8f4dabd511bdb0a417c9adff3c068356ba76c8e7c3da3\
    15f65f31be93adfd846a1eea48604b4351310c7f361b93f5c384df6570b77cda8c3a806de5cbd5e8\
    f02e00b009a7754656b4fb199d17b9b44c373076365797dff3a7c6c232d239f2be0a54fa76219332\
    6c607175c940c858239ce0043342cfd15d301a8eff58954a7635723ba6823d291293cbc71be9c7ef\
    d366403fa1045fc32544d41130902ef4";

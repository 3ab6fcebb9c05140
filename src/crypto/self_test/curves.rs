//! Elliptic curves: ECDSA, ECDH, `EdDSA` and the functions of RFC 7748.

use super::{KnownAnswer, digits};
use crate::crypto::{
    EcPrivateKey, EcPublicKey, EdwardsCurve, EdwardsPrivateKey, EdwardsPublicKey, KeyPair,
    MontgomeryCurve, MontgomeryPrivateKey, PrimitiveError, PublicKey, WeierstrassCurve,
};

pub(super) fn rows() -> Vec<KnownAnswer> {
    let mut rows = Vec::new();
    for curve in WeierstrassCurve::ALL {
        let known = weierstrass(curve);
        let verified = verified(curve, &known);
        rows.push(KnownAnswer::new(known.signing, verified, known.public));
        let agree = |key: &EcPrivateKey| key.agree(&digits(known.other));
        let shared = EcPrivateKey::new(curve, &digits(known.private)).and_then(|key| agree(&key));
        rows.push(KnownAnswer::new(known.agreement, shared, known.shared));
    }
    for curve in [EdwardsCurve::Ed25519, EdwardsCurve::Ed448] {
        rows.push(edwards(curve));
    }
    for curve in [MontgomeryCurve::X25519, MontgomeryCurve::X448] {
        rows.push(montgomery(curve));
    }
    rows.push(KnownAnswer::new("X25519 (links)", Ok(of_link()), X25519_SHARED));
    rows
}

/// What is known of a curve: RFC 6979 sections A.2.5 to A.2.7 for the keys, and the signature of
/// "sample"; agreement with the key 3.
struct Weierstrass {
    signing: &'static str,
    private: &'static str,
    public: &'static str,
    hash: &'static str,
    signature: &'static str,
    agreement: &'static str,
    other: &'static str,
    shared: &'static str,
}

const fn weierstrass(curve: WeierstrassCurve) -> Weierstrass {
    match curve {
        WeierstrassCurve::P256 => Weierstrass {
            signing: "ECDSA on P-256",
            private: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            public: "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc\
                99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
            hash: "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
            signature: "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41\
                d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            agreement: "ECDH on P-256",
            other: "045ecbe4d1a6330a44c8f7ef951d4bf165e6c6b721efada985fb41661bc6e7fd6c8734640c4998ff\
                7e374b06ce1a64a2ecd82ab036384fb83d9a79b127a27d5032",
            shared: "bb9b87c7303109bafd3e944fb284bd8cc86472b1358804675e10e8970dd597c8",
        },
        WeierstrassCurve::P384 => Weierstrass {
            signing: "ECDSA on P-384",
            private: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825\
                f872c9ea60d2edf5",
            public: "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea905586\
                6064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9d\
                b1288b231c3ae0d4fe7344fd2533264720",
            hash: "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312313bca4a9b5b890e\
                fee42c77b1ee25fe",
            signature: "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf9\
                6e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f\
                a329c145786e679e7b82c71a38628ac8",
            agreement: "ECDH on P-384",
            other: "04077a41d4606ffa1464793c7e5fdc7d98cb9d3910202dcd06bea4f240d3566da6b408bbae502658\
                0d02d7e5c70500c831c995f7ca0b0c42837d0bbe9602a9fc998520b41c85115aa5f7684c0edc111e\
                acc24abd6be4b5d298b65f28600a2f1df1",
            shared: "cba0bba289f52a729afb5adea640828b9dece2bad0b49df8d8fd0425376c8e4bf063698082518093\
                7f333f2da9527d7b",
        },
        WeierstrassCurve::P521 => Weierstrass {
            signing: "ECDSA on P-521",
            private: "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c\
                70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            public: "0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db\
                6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf78228\
                5e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4\
                d33f81ea66956dfeaa2bfdfcf5",
            hash: "39a5e04aaff7455d9850c605364f514c11324ce64016960d23d5dc57d3ffd8f49a739468ab8049bf\
                18eef820cdb1ad6c9015f838556bc7fad4138b23fdf986c7",
            signature: "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5\
                d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3\
                b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1\
                dccc43997f1ee0e44da4a67a",
            agreement: "ECDH on P-521",
            other: "0401a73d352443de29195dd91d6a64b5959479b52a6e5b123d9ab9e5ad7a112d7a8dd1ad3f164a3a\
                4832051da6bd16b59fe21baeb490862c32ea05a5919d2ede37ad7d013e9b03b97dfa62ddd9979f86\
                c6cab814f2f1557fa82a9d0317d2f8ab1fa355ceec2e2dd4cf8dc575b02d5aced1dec3c70cf105c9\
                bc93a590425f588ca1ee86c0e5",
            shared: "0146031df9f8bb921be2f41a54f18b185a2dbcfc721e5388887208348d2943755500a23e7ab9c1c3\
                d779c948fb06702546c2a4a15a85b180c22ad6b43512431df906",
        },
        WeierstrassCurve::Secp256k1 => Weierstrass {
            signing: "ECDSA on secp256k1",
            private: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            public: "042c8c31fc9f990c6b55e3865a184a4ce50e09481f2eaeb3e60ec1cea13a6ae64564b95e4fdb6948\
                c0386e189b006a29f686769b011704275e4459822dc3328085",
            hash: "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
            signature: "432310e32cb80eb6503a26ce83cc165c783b870845fb8aad6d970889fcd7a6c8530128b6b81c5488\
                74a6305d93ed071ca6e05074d85863d4056ce89b02bfab69",
            agreement: "ECDH on secp256k1",
            other: "04f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9388f7b0f632de8\
                140fe337e62a37f3566500a99934c2231b6cb9fd7584b8e672",
            shared: "415a9a83931397120dba9319b0a4964289ca908f9f64a688c2bb565862d8a62b",
        },
    }
}

/// The public point of the known key, if the known signature is one, a new one is too, and a
/// changed one is none.
fn verified(curve: WeierstrassCurve, known: &Weierstrass) -> Result<Vec<u8>, PrimitiveError> {
    let key = EcPrivateKey::new(curve, &digits(known.private))?;
    let public = EcPublicKey::new(curve, key.public_point())?;
    let (hash, mut signature) = (digits(known.hash), digits(known.signature));
    public.verify(&hash, &signature)?;
    public.verify(&hash, &key.sign(&hash)?)?;
    signature[5] ^= 1;
    if public.verify(&hash, &signature).is_ok() {
        return Err(PrimitiveError::Signature);
    }
    Ok(key.public_point().to_vec())
}

/// RFC 8032 sections 7.1 and 7.4: public key and signature of nothing.
fn edwards(curve: EdwardsCurve) -> KnownAnswer {
    let of = |seed: &str| {
        let key = EdwardsPrivateKey::new(curve, &digits(seed))?;
        let signature = key.sign(b"")?;
        EdwardsPublicKey::new(curve, key.public())?.verify(b"", &signature)?;
        Ok([key.public(), &signature].concat())
    };
    match curve {
        EdwardsCurve::Ed25519 => KnownAnswer::new(
            "Ed25519",
            of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
            ED25519,
        ),
        EdwardsCurve::Ed448 => KnownAnswer::new("Ed448", of(ED448_SEED), ED448),
    }
}

const ED25519: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511ae5564300c360ac72\
    9086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
    d25bf5f0595bbe24655141438e7a100b";
const ED448_SEED: &str = "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e\
    39a3fc5b94492f8f032e7549a20098f95b";
const ED448: &str = "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c706\
    1bd6783df1e50f6cd1fa1abeafe8256180533a37f6bbe457251f023c0d88f976ae2dfb504a843e34\
    d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980ff0d2028d4b1\
    8a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363\
    268c71d95808ff2e652600";

/// RFC 7748 section 5.2.
fn montgomery(curve: MontgomeryCurve) -> KnownAnswer {
    let agree = |secret: &str, public: &str| {
        MontgomeryPrivateKey::new(curve, &digits(secret))?.agree(&digits(public))
    };
    match curve {
        MontgomeryCurve::X25519 => {
            KnownAnswer::new("X25519", agree(X25519_SECRET, X25519_PUBLIC), X25519_SHARED)
        }
        MontgomeryCurve::X448 => {
            KnownAnswer::new("X448", agree(X448_SECRET, X448_PUBLIC), X448_SHARED)
        }
    }
}

fn of_link() -> Vec<u8> {
    let (mut secret, mut public): ([u8; 32], PublicKey) = Default::default();
    secret.copy_from_slice(&digits(X25519_SECRET));
    public.copy_from_slice(&digits(X25519_PUBLIC));
    KeyPair::from_secret(&secret).agree(&public).to_vec()
}

const X25519_SECRET: &str = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4";
const X25519_PUBLIC: &str = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c";
const X25519_SHARED: &str = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552";
const X448_SECRET: &str = "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbf\
    f44943eba368f54b29259a4f1c600ad3";
const X448_PUBLIC: &str = "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da25\
    83fa5429db94ada18aa7a7fb4ef8a086";
const X448_SHARED: &str = "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b077\
    9d98223961111e21766282f73dd96b6f";

//! Java's `SunPKCS11`: `keytool`, `jarsigner`, and a program that signs.

use crate::{
    token::{Token, have},
    world::Shown,
};

const PROVIDER: [&str; 10] = [
    "-keystore",
    "NONE",
    "-storetype",
    "PKCS11",
    "-storepass",
    "{pin}",
    "-providerClass",
    "sun.security.pkcs11.SunPKCS11",
    "-providerArg",
    "{dir}/java.cfg",
];

const PROGRAM: &str = r#"
import java.security.*;
import java.security.cert.Certificate;
import javax.crypto.*;
import javax.crypto.spec.GCMParameterSpec;

public class Signing {
    public static void main(String[] arguments) throws Exception {
        Provider provider = Security.getProvider("SunPKCS11").configure("{dir}/java.cfg");
        Security.addProvider(provider);
        KeyStore store = KeyStore.getInstance("PKCS11", provider);
        store.load(null, "{pin}".toCharArray());
        PrivateKey key = (PrivateKey) store.getKey("web", null);
        Certificate certificate = store.getCertificate("web");
        byte[] data = "to be signed".getBytes();
        Signature signing = Signature.getInstance("SHA256withECDSA", provider);
        signing.initSign(key);
        signing.update(data);
        byte[] signature = signing.sign();
        // The JDK's own provider checks what the partition signed.
        Signature verifying = Signature.getInstance("SHA256withECDSA", "SunEC");
        verifying.initVerify(certificate.getPublicKey());
        verifying.update(data);
        System.out.println("signature verifies: " + verifying.verify(signature));
        KeyGenerator generator = KeyGenerator.getInstance("AES", provider);
        generator.init(256);
        SecretKey secret = generator.generateKey();
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding", provider);
        cipher.init(Cipher.ENCRYPT_MODE, secret, new GCMParameterSpec(128, new byte[12]));
        byte[] sealed = cipher.doFinal(data);
        cipher.init(Cipher.DECRYPT_MODE, secret, new GCMParameterSpec(128, new byte[12]));
        System.out.println("opened: " + new String(cipher.doFinal(sealed)));
    }
}
"#;

fn with_key() -> Option<Token> {
    if !have(&["java", "keytool", "jarsigner", "jar"]) {
        return None;
    }
    let token = Token::new();
    token.write("java.cfg", "name = Luna\nlibrary = {module}\nslot = 0\n");
    let made = keytool(
        &token,
        &[
            "-genkeypair",
            "-alias",
            "web",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-dname",
            "CN=localhost",
        ],
    );
    made.ok();
    Some(token)
}

fn keytool(token: &Token, arguments: &[&str]) -> Shown {
    token.run("keytool", &[arguments, &PROVIDER].concat())
}

#[test]
fn keytool_lists_and_jarsigner_signs() {
    let Some(token) = with_key() else { return };
    keytool(&token, &["-list"]).ok().has("web").has("PrivateKeyEntry");
    let request = ["-certreq", "-alias", "web"];
    keytool(&token, &request).ok().has("BEGIN NEW CERTIFICATE REQUEST");

    token.write("content.txt", "content");
    token.run("jar", &["--create", "--file", "{dir}/some.jar", "-C", "{dir}", "content.txt"]).ok();
    token.run("jarsigner", &[&PROVIDER[..], &["{dir}/some.jar", "web"]].concat()).ok();
    token.run("jarsigner", &["-verify", "{dir}/some.jar"]).ok().has("jar verified");
}

#[test]
fn a_program_signs_and_encrypts() {
    let Some(token) = with_key() else { return };
    token.write("Signing.java", PROGRAM);
    let shown = token.run("java", &["{dir}/Signing.java"]);
    shown.ok().has("signature verifies: true").has("opened: to be signed");
}

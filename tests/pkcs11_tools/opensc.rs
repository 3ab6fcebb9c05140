//! `OpenSC`'s `pkcs11-tool`.

use std::fs;

use crate::{
    token::{PIN, SO_PIN, Token, have},
    world::Shown,
};

const TOOL: &str = "pkcs11-tool";

fn tool(token: &Token, arguments: &[&str]) -> Shown {
    token.run(TOOL, &[&["--module", "{module}"], arguments].concat())
}

fn logged_in(token: &Token, arguments: &[&str]) -> Shown {
    tool(token, &[&["--login", "--pin", "{pin}"], arguments].concat())
}

#[test]
fn its_self_tests_pass() {
    if !have(&[TOOL]) {
        return;
    }
    let token = Token::new();
    for arguments in [
        ["--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "01"],
        ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "ec", "--id", "02"],
    ] {
        logged_in(&token, &arguments).ok();
    }
    logged_in(&token, &["--keygen", "--key-type", "aes:32", "--label", "aes", "--private"]).ok();
    let tested = logged_in(&token, &["--test"]);
    tested.ok().has("No errors").lacks("ERR:").lacks("not implemented");
    tested.has("all 4 signature functions seem to work").has("SHA256-RSA-PKCS: OK");
    let tested = logged_in(
        &token,
        &[
            "--session-rw",
            "--test-ec",
            "--key-type",
            "EC:secp256r1",
            "--id",
            "04",
            "--label",
            "ec4",
        ],
    );
    tested.ok().has("==> OK").lacks("ERR:");
    tool(&token, &["--test-fork"]).ok().lacks("error");
}

#[test]
fn its_usual_commands_work() {
    if !have(&[TOOL]) {
        return;
    }
    let token = Token::new();
    tool(&token, &["--list-slots"]).ok().has("par0").has("PIN initialized");
    tool(&token, &["--list-mechanisms"]).ok().has("ECDSA-SHA256").has("AES-GCM");
    let pair = ["--keypairgen", "--key-type", "rsa:2048", "--label", "key", "--id", "01"];
    logged_in(&token, &pair).ok().has("Key pair generated");

    let data = token.write("data", "to be signed");
    let signing = ["--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "01"];
    let files = ["--input-file", "{dir}/data", "--output-file", "{dir}/signature"];
    logged_in(&token, &[&signing[..], &files].concat()).ok();
    let verifying = ["--verify", "--mechanism", "SHA256-RSA-PKCS", "--id", "01"];
    let files = ["--input-file", "{dir}/data", "--signature-file", "{dir}/signature"];
    logged_in(&token, &[&verifying[..], &files].concat()).ok().has("Signature is valid");
    fs::write(&data, "something else").unwrap();
    logged_in(&token, &[&verifying[..], &files].concat()).has("Invalid signature");

    let object = ["--write-object", "{dir}/data", "--type", "data", "--label", "note"];
    logged_in(&token, &object).ok();
    logged_in(&token, &["--list-objects"]).ok().has("note").has("Private Key Object; RSA");
    let read = logged_in(&token, &["--read-object", "--type", "data", "--label", "note"]);
    read.ok().has("something else");
    logged_in(&token, &["--delete-object", "--type", "data", "--label", "note"]).ok();
    logged_in(&token, &["--list-objects", "--type", "data"]).ok().lacks("note");
    tool(&token, &["--list-objects"]).ok().lacks("Private Key Object");
}

#[test]
fn a_partition_is_set_up_and_its_passwords_change() {
    if !have(&[TOOL]) {
        return;
    }
    let token = Token::new();
    let so = ["--so-pin", SO_PIN];
    tool(&token, &[&["--init-token", "--label", "again"], &so[..]].concat()).ok();
    tool(&token, &["--list-slots"]).ok().has("again").lacks("PIN initialized");
    let user = ["--login", "--login-type", "so", "--init-pin", "--new-pin", "initial-pin1"];
    tool(&token, &[&user[..], &so].concat()).ok();
    let change = ["--login", "--pin", "initial-pin1", "--change-pin", "--new-pin", PIN];
    tool(&token, &change).ok();
    logged_in(&token, &["--keygen", "--key-type", "aes:16", "--label", "aes", "--private"]).ok();
    tool(&token, &["--login", "--pin", "wrong-pin-1", "-O"]).failed().has("CKR_PIN_INCORRECT");
}

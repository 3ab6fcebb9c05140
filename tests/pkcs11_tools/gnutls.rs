//! `GnuTLS`'s `p11tool` and `certtool`.

use crate::{
    token::{Token, have},
    world::Shown,
};

fn p11tool(token: &Token, arguments: &[&str]) -> Shown {
    token.run("p11tool", &[&["--provider={module}", "--batch"], arguments].concat())
}

#[test]
fn keys_are_made_and_certified() {
    if !have(&["p11tool", "certtool"]) {
        return;
    }
    let token = Token::new();
    p11tool(&token, &["--list-tokens"]).ok().has("token=par0");
    let login = ["--login", "--set-pin={pin}"];
    let make = ["--generate-privkey=rsa", "--bits=2048", "--label=web", "--outfile={dir}/web.pub"];
    p11tool(&token, &[&login[..], &make, &["pkcs11:token=par0"]].concat()).ok();
    let listed = p11tool(&token, &[&login[..], &["--list-privkeys", "pkcs11:token=par0"]].concat());
    listed.ok().has("object=web");

    token.write(
        "template",
        "cn = \"localhost\"\ndns_name = \"localhost\"\nca\ncert_signing_key\nsigning_key\n",
    );
    let key = "--load-privkey=pkcs11:token=par0;object=web;type=private?pin-value={pin}";
    let certified = token.run(
        "certtool",
        &[
            "--provider={module}",
            "--generate-self-signed",
            key,
            "--load-pubkey={dir}/web.pub",
            "--template={dir}/template",
            "--outfile={dir}/web.pem",
        ],
    );
    certified.ok();
    token
        .run(
            "certtool",
            &["--verify", "--load-ca-certificate={dir}/web.pem", "--infile={dir}/web.pem"],
        )
        .ok();

    let write = ["--write", "--label=web", "--load-certificate={dir}/web.pem"];
    p11tool(&token, &[&login[..], &write, &["pkcs11:token=par0"]].concat()).ok();
    let certificates = ["--list-all-certs", "pkcs11:token=par0"];
    p11tool(&token, &[&login[..], &certificates].concat()).ok().has("type=cert");
    let delete = ["--delete", "pkcs11:token=par0;object=web;type=cert"];
    p11tool(&token, &[&login[..], &delete].concat()).ok();
    p11tool(&token, &[&login[..], &certificates].concat()).lacks("type=cert");
}

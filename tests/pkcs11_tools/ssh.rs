//! OpenSSH: keys that `ssh-keygen -D` lists, and `ssh-agent` signing with them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Child, Stdio},
};

use crate::{
    token::{Token, have},
    world::{eventually, run},
};

/// An agent, ended when dropped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_agent_signs_with_the_partitions_key() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add", "pkcs11-tool"]) {
        return;
    }
    let token = Token::new();
    let make = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "ssh", "--id", "01"];
    let login = ["--module", "{module}", "--login", "--pin", "{pin}"];
    token.run("pkcs11-tool", &[&login[..], &make].concat()).ok();
    let listed = token.run("ssh-keygen", &["-D", "{module}"]);
    let key = listed.ok().has("ecdsa-sha2-nistp256").text.clone();
    token.write("ssh.pub", key.lines().find(|line| line.starts_with("ecdsa")).unwrap());

    let socket = token.directory().join("agent");
    let arguments = ["-D", "-a", "{dir}/agent", "-P", "*"];
    let mut agent = token.command("ssh-agent", &arguments);
    agent.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _agent = Agent(agent.spawn().unwrap());
    eventually("the agent listens", || socket.exists());

    // The agent's client asks a program for the PIN where there is no terminal.
    let asking = token.write("ask", "#!/bin/sh\necho {pin}\n");
    fs::set_permissions(&asking, fs::Permissions::from_mode(0o700)).unwrap();
    let with_agent = |program: &str, arguments: &[&str], input: &str| {
        let mut command = token.command(program, arguments);
        command.env("SSH_AUTH_SOCK", &socket).env("DISPLAY", "none");
        command.env("SSH_ASKPASS", &asking).env("SSH_ASKPASS_REQUIRE", "force");
        run(command, input)
    };
    with_agent("ssh-add", &["-s", "{module}"], "").ok();
    with_agent("ssh-add", &["-L"], "").ok().has("ecdsa-sha2-nistp256");

    token.write("letter", "to be signed");
    let signing = ["-Y", "sign", "-f", "{dir}/ssh.pub", "-n", "file", "{dir}/letter"];
    with_agent("ssh-keygen", &signing, "").ok();
    token.write(
        "signers",
        &format!("me@example {}", fs::read_to_string(token.directory().join("ssh.pub")).unwrap()),
    );
    let verifying = ["-Y", "verify", "-f", "{dir}/signers", "-I", "me@example", "-n", "file"];
    let verified = with_agent(
        "ssh-keygen",
        &[&verifying[..], &["-s", "{dir}/letter.sig"]].concat(),
        "to be signed",
    );
    verified.ok().has("Good \"file\" signature");
    with_agent("ssh-add", &["-e", "{module}"], "").ok();
}

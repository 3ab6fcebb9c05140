//! `vtl`: registers appliances on a client.

use std::{
    env,
    io::{self, Write, stdout},
    process::ExitCode,
};

use lunacm::{
    client::home::Home,
    command::vtl::Vtl,
    shell::{Failure, Source, run},
};

fn main() -> ExitCode {
    match start() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            let remedy = failure.remedy.map(|remedy| format!("\n{remedy}")).unwrap_or_default();
            let _ = writeln!(io::stderr(), "vtl: {}{remedy}", failure.cause);
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<u8, Failure> {
    let mut arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if arguments.is_empty() || arguments.iter().any(|word| word == "-h" || word == "--help") {
        arguments = vec!["help".to_owned()];
    }
    let home = Home::locate()
        .map_err(|error| Failure::new(error.to_string(), "").remedy(error.remedy()))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(error.to_string(), ""))?;
    let source = Source::command(&arguments);
    let source = source.map_err(|error| Failure::new(error.to_string(), ""))?;
    Ok(run(&mut Vtl::new(home, runtime.handle().clone()), source, &mut stdout()))
}

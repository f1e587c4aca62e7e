//! Commands of the guides, as printed, one after the other in one shell; `# →` is what one of them prints.

use std::{fs, path::PathBuf, time::Duration};

use crate::support::{Site, client::text, process};

on_both!(the_guide_of_sign_in_methods_works_as_printed);

/// What stands between fences for a shell.
fn commands(guide: &str) -> String {
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

fn the_guide_of_sign_in_methods_works_as_printed(site: &Site) {
    let server = site.serve();
    let set_up = ["setup", "--app-name", "My App", "--email", "dev@myapp.com", "--password", "SecureP@ss1", "--json"];
    let made = site.run(&set_up).json();
    let docs = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../docs");
    let commands = commands(&fs::read_to_string(docs.join("sign-in-methods.md")).unwrap());
    // What jq does not find is no success.
    let script = format!("jq() {{ command jq -e \"$@\"; }}\n{commands}");
    let mut shell = site.program("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).env("LOG", server.log_path()).env("FABRIC_API_URL", &server.url);
    shell.env("FABRIC_CLIENT_ID", text(&made["env"]["FABRIC_CLIENT_ID"]));
    shell.env("FABRIC_CLIENT_SECRET", text(&made["env"]["FABRIC_CLIENT_SECRET"]));
    shell.env("FABRIC_API_KEY", text(&made["api_key"]));
    let done = process::finish(&mut shell, "", Duration::from_mins(3));
    let told: Vec<_> = commands.lines().filter_map(|line| line.strip_prefix("# → ")).collect();
    let printed: Vec<_> = done.stdout.lines().collect();
    assert_eq!((printed, done.code, done.stderr.as_str()), (told.clone(), 0, ""));
    assert!(told.len() > 10, "{told:?}");
}

//! `cargo xtask attacks`: docs/attacks.md names every attack of the project's list and the tests that pin it, and leaves
//! out no test of an attack.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::Path,
    process::ExitCode,
};

use crate::{Outcome, process::exit_code, workspace};

const FILE: &str = "docs/attacks.md";
/// How many the project's list has.
const ATTACKS: u8 = 54;
/// Those of them that are against what is not built.
const NOT_BUILT: [u8; 3] = [8, 9, 51];

/// What paths begin with in the list, and where that is.
const PLACES: [(&str, &str); 4] = [
    ("wire/", "crates/http/tests/wire/"),
    ("alone/", "crates/http/tests/alone/"),
    ("conformance/", "crates/storage/tests/conformance/"),
    ("end_to_end/", "bin/fabric/tests/end_to_end/"),
];

/// Files of the checkout by their path, with what is in them.
type Sources = BTreeMap<String, String>;

/// A test, by number of the attack, file and name.
type Test = (u8, String, String);

/// Says what the list lacks and what it has too much.
pub fn run(arguments: &[OsString]) -> Outcome<ExitCode> {
    crate::nothing_more(arguments)?;
    let root = workspace::root();
    let document = read(&root.join(FILE))?;
    let mut sources = Sources::new();
    for folder in ["crates", "bin"] {
        gather(&root, &root.join(folder), &mut sources)?;
    }
    let complaints = complaints(&document, &sources);
    for complaint in &complaints {
        eprintln!("{FILE}: {complaint}");
    }
    Ok(exit_code(complaints.is_empty()))
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Everything below a folder that tests are written in.
fn gather(root: &Path, folder: &Path, sources: &mut Sources) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            gather(root, &path, sources)?;
        } else if path.extension().is_some_and(|kind| ["rs", "py", "mjs"].iter().any(|known| kind == *known)) {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            sources.insert(name, read(&path)?);
        }
    }
    Ok(())
}

/// What is wrong with the list, a line each.
fn complaints(document: &str, sources: &Sources) -> Vec<String> {
    let mut complaints = Vec::new();
    let (mut numbers, mut listed) = (BTreeSet::new(), BTreeSet::new());
    for entry in document.split("\n## ").skip(1) {
        let Some(number) = entry.split('.').next().and_then(|number| number.parse::<u8>().ok()) else {
            complaints.push(format!("\"{}\" has no number", entry.lines().next().unwrap_or_default()));
            continue;
        };
        numbers.insert(number);
        let before = listed.len();
        for item in entry.split("\n- ").skip(1) {
            let mut words = item.split('`').skip(1).step_by(2);
            let path = whole(words.next().unwrap_or_default());
            let Some(source) = sources.get(&path) else {
                complaints.push(format!("{number}: there is no {path}"));
                continue;
            };
            for name in words {
                if !["fn ", "def "].iter().any(|kind| source.contains(&format!("{kind}{name}("))) {
                    complaints.push(format!("{number}: {path} has no {name}"));
                }
                listed.insert((number, path.clone(), name.to_owned()));
            }
        }
        if listed.len() == before && !NOT_BUILT.contains(&number) {
            complaints.push(format!("{number}: no test is named"));
        }
    }
    let lacking = (1..=ATTACKS).filter(|number| !numbers.contains(number));
    complaints.extend(lacking.map(|number| format!("{number} is not there")));
    let left_out = tests(sources).into_iter().filter(|test| !listed.contains(test));
    complaints.extend(left_out.map(|(number, path, name)| format!("{number}: `{path}`: `{name}` is left out")));
    complaints
}

/// A path as the list has it, from the root of the checkout.
fn whole(path: &str) -> String {
    let place = PLACES.iter().find_map(|(short, long)| Some(format!("{long}{}", path.strip_prefix(short)?)));
    place.unwrap_or_else(|| path.to_owned())
}

/// The tests that are called after an attack: `attack_17_…`, or `attack_17_18_…` after two.
fn tests(sources: &Sources) -> Vec<Test> {
    let mut tests = Vec::new();
    for (path, source) in sources.iter().filter(|(path, _)| !path.starts_with("crates/xtask/")) {
        for rest in source.split("fn attack_").skip(1) {
            let name = rest.split(|character: char| !character.is_alphanumeric() && character != '_').next();
            let name = name.unwrap_or_default();
            let numbers = name.split('_').map_while(|word| word.parse::<u8>().ok());
            tests.extend(numbers.map(|number| (number, path.clone(), format!("attack_{name}"))));
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(list: &str) -> Vec<String> {
        let numbers = (1..=ATTACKS).filter(|number| ![2, 17, 18].contains(number) && !NOT_BUILT.contains(number));
        let others = numbers.map(|number| format!("## {number}. Other\n\n- `wire/refresh.rs`: `a_test`\n\n"));
        let unbuilt = NOT_BUILT.map(|number| format!("## {number}. Not built\n\n")).concat();
        let document = format!("# Attacks\n\n{}{unbuilt}{list}", others.collect::<String>());
        let wire = "async fn a_test(world) {}\nasync fn attack_2_a(world) {}\n";
        let keys = "fn attack_17_18_b() {}";
        let sources = [("crates/http/tests/wire/refresh.rs", wire), ("crates/identity/src/keys.rs", keys)];
        complaints(&document, &sources.map(|(path, source)| (path.to_owned(), source.to_owned())).into())
    }

    #[test]
    fn a_list_that_names_each_test_is_whole() {
        let list = "## 2. Refresh\n\nWords, and `code`.\n\n- `wire/refresh.rs`: `attack_2_a`,\n  `a_test`\n\n\
            ## 17. Keys\n\n- `crates/identity/src/keys.rs`: `attack_17_18_b`\n\n\
            ## 18. Kinds\n\n- `crates/identity/src/keys.rs`: `attack_17_18_b`\n";
        assert_eq!(told(list), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_there_and_what_is_left_out_is_told() {
        let list =
            "## 2. Refresh\n\n- `wire/refresh.rs`: `attack_2_b`\n- `wire/gone.rs`: `x`\n\n## 17. Keys\n\nNothing.\n";
        assert_eq!(
            told(list),
            [
                "2: crates/http/tests/wire/refresh.rs has no attack_2_b",
                "2: there is no crates/http/tests/wire/gone.rs",
                "17: no test is named",
                "18 is not there",
                "2: `crates/http/tests/wire/refresh.rs`: `attack_2_a` is left out",
                "17: `crates/identity/src/keys.rs`: `attack_17_18_b` is left out",
                "18: `crates/identity/src/keys.rs`: `attack_17_18_b` is left out",
            ]
        );
    }
}

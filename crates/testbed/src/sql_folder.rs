//! A fingerprint of a folder of migrations.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

/// Changes when a file below the folder is added, renamed, removed or edited. Not a cryptographic hash, and only
/// compared with others of the same toolchain.
pub(crate) fn fingerprint(folder: &Path) -> io::Result<u64> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(folder).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let migration = folder.path().join("0001_accounts");
        fs::create_dir(&migration).unwrap();
        let now = || fingerprint(folder.path()).unwrap();
        fs::write(migration.join("up.sql"), "SELECT 1").unwrap();
        let first = now();
        assert_eq!(now(), first);

        fs::write(migration.join("up.sql"), "SELECT 2").unwrap();
        let edited = now();
        assert_ne!(edited, first);

        fs::rename(&migration, folder.path().join("0002_accounts")).unwrap();
        assert_ne!(now(), edited);
    }
}

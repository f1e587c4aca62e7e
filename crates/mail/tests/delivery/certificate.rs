//! A certificate of our own for 127.0.0.1, and processes that trust it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};
use tempfile::TempDir;

use super::alone;

const TRUSTED: &str = "FABRIC_TEST_TRUSTED_CERTIFICATE";

/// Certificate and key in one PEM file in `folder`.
pub fn make(folder: &Path) -> PathBuf {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "Fabric's tests").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let address = SubjectAlternativeName::new().ip("127.0.0.1").build(&certificate.x509v3_context(None, None));
    certificate.append_extension(address.unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let mut pem = certificate.build().to_pem().unwrap();
    pem.extend(key.private_key_to_pem_pkcs8().unwrap());
    let file = folder.join("certificate.pem");
    fs::write(&file, pem).unwrap();
    file
}

/// A certificate that this process trusts. Whom a process trusts is said by its environment, so that the first call runs
/// `test` in another one, and gives nothing.
pub fn trusted(test: &str) -> Option<PathBuf> {
    if let Some(file) = env::var_os(TRUSTED) {
        return Some(file.into());
    }
    let folder = TempDir::new().unwrap();
    let file = make(folder.path());
    alone(test, &[(TRUSTED, &file), ("SSL_CERT_FILE", &file)]);
    None
}

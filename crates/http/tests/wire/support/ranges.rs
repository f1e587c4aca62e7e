use std::sync::Arc;

use openssl::sha::sha1;
use outbound::{Networks, PasswordRanges};
use testbed::sink::{Reply, Sink};

use super::World;

impl World {
    /// The same where somebody is asked whether a password was published.
    pub async fn asking(&self, whom: &Sink) -> Self {
        self.asking_at(format!("http://{}", whom.address)).await
    }

    /// The same at this URL.
    pub async fn asking_at(&self, base: String) -> Self {
        let ranges = PasswordRanges::new(base, Networks::loopback(), false).unwrap();
        self.restarted_with(|plan| plan.breached_passwords = Some(Arc::new(ranges))).await
    }
}

/// Who knows how often these passwords were seen, and answers as Pwned Passwords does.
pub fn ranges(known: &'static [(&'static str, u32)]) -> Sink {
    Sink::new(move |asked| {
        let prefix = asked.path.strip_prefix("/range/").unwrap();
        let known = known.iter().map(|(password, seen)| (sha1_of(password), seen));
        let known = known.filter_map(|(digest, seen)| Some(format!("{}:{seen}\r\n", digest.strip_prefix(prefix)?)));
        let others = "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n";
        Reply::Status(200, format!("{others}{}", known.collect::<String>()))
    })
}

/// In upper-case hexadecimal digits.
pub fn sha1_of(password: &str) -> String {
    sha1(password.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat()
}

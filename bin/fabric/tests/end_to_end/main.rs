//! The built binary, driven as its users drive it: by the published Python client, by the curl commands of the
//! documentation, at the console, by its settings, and by what happens to a process in its life.

/// Makes two tests of each story, one a database.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $story() {
                super::$story(&mut crate::support::Site::sqlite());
            })+
        }

        mod on_postgres {
            $(#[test]
            fn $story() {
                super::$story(&mut crate::support::Site::postgres());
            })+
        }
    };
}

mod cli;
mod configuration;
mod guides;
mod life;
mod passkeys;
mod sdk;
mod seeds;
mod signing_keys;
mod social;
mod support;
mod verification;

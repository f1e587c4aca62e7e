//! How often somebody may call: quotas by category, counted in memory or, for all servers together, in Redis.
//!
//! Each category is counted apart, for each caller of it, as the generic cell rate algorithm does (GCRA, ITU-T I.371): so
//! many at once, and one more for each moment that the quota gives back. While Redis is away, each server counts for
//! itself: a limit that nobody can look up is no reason to refuse anybody, and none to let everybody in.

mod memory;
mod quota;
#[cfg(feature = "redis")]
mod shared;

use std::{collections::HashMap, fmt::Display, sync::Arc};

pub use quota::{Quota, Taken};

use crate::memory::Memory;

macro_rules! categories {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal;)+) => {
        /// What is counted apart from everything else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Category {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Category {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in settings, metrics and counters.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }
        }
    };
}

categories! {
    /// Sign-in, by address.
    SignIn = "sign_in";
    /// Sign-up, by address.
    SignUp = "sign_up";
    /// Links and codes that are mailed to whoever asks, by address.
    ForgotPassword = "forgot_password";
    /// Links and codes to sign in with, by address.
    MagicLink = "magic_link";
    /// Challenges for passkeys, by address: they cost neither a hash nor a guess.
    PasskeyChallenge = "passkey_challenge";
    /// Codes of a second factor, by address.
    SecondFactor = "second_factor";
    /// Everything else that is public, by address.
    Public = "public";
    /// What people do, by principal.
    Standard = "standard";
    /// What programs do: keys, OAuth clients and apps themselves, by principal.
    Agent = "agent";
    /// Calls of models, by principal: Fabric has no such routes yet.
    Ai = "ai";
    /// Reports of what was run, by principal.
    Workflow = "workflow";
}

/// How much of what is let through.
#[derive(Clone, Debug, Default)]
pub struct Quotas(HashMap<Category, Quota>);

impl Quotas {
    /// The same with a quota of this category; `None` is as often as anybody likes.
    #[must_use]
    pub fn with(mut self, category: Category, quota: Option<Quota>) -> Self {
        match quota {
            Some(quota) => self.0.insert(category, quota),
            None => self.0.remove(&category),
        };
        self
    }
}

/// The counters. Cheap to clone. Without quotas, nothing is counted.
#[derive(Clone, Default)]
pub struct Limits(Option<Arc<Counters>>);

struct Counters {
    quotas: Quotas,
    memory: Memory,
    #[cfg(feature = "redis")]
    shared: Option<shared::Shared>,
}

impl Limits {
    /// Counts for this server alone.
    #[must_use]
    pub fn in_memory(quotas: Quotas) -> Self {
        if quotas.0.is_empty() {
            return Self(None);
        }
        let memory = Memory::new(&quotas.0);
        Self(Some(Arc::new(Counters {
            quotas,
            memory,
            #[cfg(feature = "redis")]
            shared: None,
        })))
    }

    /// Counts in Redis for all servers that do, and in memory while it is away. It need not be there yet.
    ///
    /// # Errors
    /// `invalid_setting` for what is no URL of a Redis.
    #[cfg(feature = "redis")]
    pub fn in_redis(quotas: Quotas, url: &kernel::Secret) -> kernel::Result<Self> {
        let shared = Some(shared::Shared::at(url)?);
        if quotas.0.is_empty() {
            return Ok(Self(None));
        }
        let memory = Memory::new(&quotas.0);
        Ok(Self(Some(Arc::new(Counters { quotas, memory, shared }))))
    }

    /// Counts one call of somebody; `None` where there is no quota, and then nobody asks for their name.
    #[cfg_attr(not(feature = "redis"), expect(clippy::unused_async, reason = "only the shared counters are far away"))]
    pub async fn take(&self, category: Category, who: impl Display) -> Option<Taken> {
        let counters = self.0.as_ref()?;
        let quota = *counters.quotas.0.get(&category)?;
        let who = &who.to_string();
        #[cfg(feature = "redis")]
        if let Some(shared) = &counters.shared
            && let Some(taken) = shared.take(category, quota, who).await
        {
            return Some(taken);
        }
        counters.memory.take(category, quota, who)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(limit: u32, period: Duration) -> Limits {
        Limits::in_memory(Quotas::default().with(Category::SignIn, Quota::new(limit, period)))
    }

    #[tokio::test]
    async fn so_many_are_let_through_and_then_one_after_the_other() {
        let limits = limits(3, Duration::from_millis(300));
        let take = async || limits.take(Category::SignIn, "alice").await.unwrap();
        for remaining in [2, 1, 0] {
            let taken = take().await;
            assert_eq!((taken.wait, taken.remaining), (None, remaining));
        }
        let refused = take().await;
        let wait = refused.wait.unwrap();
        assert!(wait <= Duration::from_millis(100) && refused.remaining == 0, "{refused:?}");
        tokio::time::sleep(wait).await;
        assert_eq!(take().await.wait, None);
        assert!(take().await.wait.is_some());
    }

    #[tokio::test]
    async fn nobody_uses_up_what_is_anothers_or_of_another_category() {
        let quotas = Quotas::default()
            .with(Category::SignIn, Quota::new(1, Duration::from_mins(1)))
            .with(Category::SignUp, Quota::new(1, Duration::from_mins(1)));
        let limits = Limits::in_memory(quotas);
        for (category, who) in [(Category::SignIn, "a"), (Category::SignIn, "b"), (Category::SignUp, "a")] {
            assert_eq!(limits.take(category, who).await.unwrap().wait, None);
            assert!(limits.take(category, who).await.unwrap().wait.is_some());
        }
        assert!(limits.take(Category::Standard, "a").await.is_none());
        assert!(Limits::default().take(Category::SignIn, "a").await.is_none());
    }

    #[tokio::test]
    async fn of_many_at_once_as_many_as_may_are_let_through() {
        let limits = limits(20, Duration::from_mins(1));
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let limits = limits.clone();
                tokio::spawn(async move { limits.take(Category::SignIn, "alice").await.unwrap().wait.is_none() })
            })
            .collect();
        let mut through = 0;
        for task in tasks {
            through += u32::from(task.await.unwrap());
        }
        assert_eq!(through, 20);
    }
}

//! The viewer: what the presented key is and may do.

use async_graphql::{Context, ID, Object, SimpleObject};
use fondaco_model::Instant;

use super::people::EndUser;
use crate::http::engine::Charged;
use crate::schema::access::{Access, Field, found};
use crate::schema::reads::Reads;
use crate::schema::scalars::DateTime;
use crate::schema::words::KeyClass;

/// The key that was presented.
pub(crate) struct Viewer;

/// The key that was presented, and what it may do.
#[Object]
impl Viewer {
    /// Id of the tenant that owns the key.
    async fn tenant_id(&self, cx: &Context<'_>) -> ID {
        Access::of(cx).tenant().into()
    }

    /// True for keys of a test tenant, which reach sandboxes only.
    async fn test(&self, cx: &Context<'_>) -> bool {
        Access::of(cx).caller.test
    }

    /// Class of the key.
    async fn key_class(&self, cx: &Context<'_>) -> KeyClass {
        Access::of(cx).caller.class.into()
    }

    /// Scopes of the key, such as `accounts:read`; an open list.
    async fn scopes<'a>(&self, cx: &Context<'a>) -> Vec<&'a str> {
        Access::of(cx)
            .caller
            .scopes
            .iter()
            .map(String::as_str)
            .collect()
    }

    /// The person to whom a frontend token is bound; null for a server's key.
    async fn end_user(&self, cx: &Context<'_>) -> Field<EndUser> {
        let id = Access::of(cx).scope().end_user()?;
        let row = Reads::of(cx).end_users.load(id).await;
        found(row, EndUser)
    }

    /// Largest `first` or `last` that the key may ask for.
    async fn page_max(&self, cx: &Context<'_>) -> i32 {
        i32::try_from(Access::of(cx).page_max()).unwrap_or(i32::MAX)
    }

    /// The bucket of the key in cost units, as it stands while this request runs. The `RateLimit`
    /// headers and `extensions.cost` of every answer tell the same after what was not used was
    /// given back.
    async fn rate_limit(&self, cx: &Context<'_>) -> Option<RateLimit> {
        let charged = cx.data_opt::<Charged>()?;
        let now = Reads::of(cx).deps.vault.effects().now();
        Some(RateLimit::new(*charged, now))
    }

    /// Most cost units that one request of the key may ask for.
    async fn request_cost_max(&self, cx: &Context<'_>) -> i32 {
        i32::try_from(Access::of(cx).caller.class.request_cost_max()).unwrap_or(i32::MAX)
    }
}

/// A key's bucket, in cost units.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RateLimit {
    /// Units in a full bucket.
    limit: i32,
    /// Units left after this request was charged.
    remaining: i32,
    /// When the bucket is full again, if nothing else is asked.
    reset_at: DateTime,
    /// Units that this request asked for.
    cost: i32,
}

impl RateLimit {
    fn new(Charged { cost, level }: Charged, now: Instant) -> Self {
        // A larger bucket than GraphQL's integers is shown as the largest of them.
        let units = |units: u32| i32::try_from(units).unwrap_or(i32::MAX);
        let seconds = i64::try_from(level.seconds_to_full()).unwrap_or(i64::MAX);
        Self {
            limit: units(level.size.capacity.get()),
            remaining: units(level.available),
            reset_at: DateTime(now.plus_seconds(seconds)),
            cost: units(cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::guard::rate::{BucketSize, Level};

    #[test]
    fn a_bucket_is_told_with_the_instant_at_which_it_is_full_again() {
        let some = |units| NonZeroU32::new(units).unwrap();
        let told = |capacity, available| {
            let size = BucketSize {
                capacity: some(capacity),
                per_second: some(100),
            };
            let level = Level { size, available };
            RateLimit::new(Charged { cost: 7, level }, Instant::from_micros(0))
        };
        let bucket = told(2_000, 1_799);
        assert_eq!(
            (bucket.limit, bucket.remaining, bucket.cost),
            (2_000, 1_799, 7)
        );
        assert_eq!(bucket.reset_at.0, Instant::from_micros(3_000_000));
        assert_eq!(told(2_000, 2_000).reset_at.0, Instant::from_micros(0));
        assert_eq!(told(u32::MAX, 1).limit, i32::MAX);
    }
}

//! Tests of the buckets on a clock that only the test moves.

use futures_util::FutureExt;
use governor::clock::FakeRelativeClock;

use super::*;

const KEY: KeyId = [1; 16];

fn buckets() -> (MemoryBuckets<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (
        MemoryBuckets::with_clock(&BucketSizes::default(), &clock),
        clock,
    )
}

fn charge(buckets: &MemoryBuckets<FakeRelativeClock>, units: u32) -> Charge {
    buckets
        .charge(KEY, KeyClass::Browser, units)
        .now_or_never()
        .unwrap()
}

fn available(charge: Charge) -> u32 {
    match charge {
        Charge::Taken(level) => level.available,
        Charge::Refused { .. } => panic!("refused"),
    }
}

#[test]
fn a_bucket_gives_its_capacity_and_not_one_unit_more() {
    let (buckets, clock) = buckets();
    assert_eq!(available(charge(&buckets, 1_999)), 1);
    assert_eq!(available(charge(&buckets, 1)), 0);
    let Charge::Refused { level, wait } = charge(&buckets, 50) else {
        panic!("taken")
    };
    assert_eq!((level.available, wait), (0, Duration::from_millis(500)));
    clock.advance(wait);
    assert_eq!(available(charge(&buckets, 50)), 0);
}

#[test]
fn a_refusal_takes_nothing_and_tells_what_is_left() {
    let (buckets, _) = buckets();
    charge(&buckets, 1_900);
    let Charge::Refused { level, wait } = charge(&buckets, 150) else {
        panic!("taken")
    };
    assert_eq!((level.available, wait), (100, Duration::from_millis(500)));
    assert_eq!(available(charge(&buckets, 100)), 0);
}

#[test]
fn returned_units_are_taken_off_the_next_charge() {
    let (buckets, _) = buckets();
    charge(&buckets, 2_000);
    buckets
        .give_back(KEY, KeyClass::Browser, 500)
        .now_or_never()
        .unwrap();
    let Charge::Refused { .. } = charge(&buckets, 502) else {
        panic!("taken")
    };
    // A refused charge leaves the returned units where they are; one unit must come back first.
    let (again, clock) = self::buckets();
    charge(&again, 2_000);
    again
        .give_back(KEY, KeyClass::Browser, 500)
        .now_or_never()
        .unwrap();
    clock.advance(Duration::from_millis(10));
    assert_eq!(available(charge(&again, 301)), 200);
}

#[test]
fn a_bucket_that_time_has_filled_has_no_room_for_returned_units() {
    let (buckets, clock) = buckets();
    charge(&buckets, 2_000);
    buckets
        .give_back(KEY, KeyClass::Browser, 500)
        .now_or_never()
        .unwrap();
    // 1,900 units came back with time: 100 of the 500 returned ones have room.
    clock.advance(Duration::from_secs(19));
    assert_eq!(available(charge(&buckets, 1)), 1_999);
    clock.advance(Duration::from_mins(1));
    assert_eq!(available(charge(&buckets, 2_000)), 0);
}

#[test]
fn keys_and_classes_have_buckets_of_their_own() {
    let (buckets, _) = buckets();
    charge(&buckets, 2_000);
    let other = buckets
        .charge([2; 16], KeyClass::Browser, 2_000)
        .now_or_never()
        .unwrap();
    assert_eq!(available(other), 0);
    let job = buckets
        .charge(KEY, KeyClass::Job, 50_000)
        .now_or_never()
        .unwrap();
    assert_eq!(available(job), 1_950_000);
}

#[test]
fn more_than_a_full_bucket_is_refused_and_not_a_fault() {
    let (buckets, _) = buckets();
    let Charge::Refused { wait, .. } = charge(&buckets, 2_001) else {
        panic!("taken")
    };
    assert_eq!(wait, Duration::from_secs(20));
}

#[test]
fn a_job_key_walks_a_million_rows_unthrottled() {
    let (buckets, _) = buckets();
    for _ in 0..1_000 {
        let page = buckets
            .charge(KEY, KeyClass::Job, 1_002)
            .now_or_never()
            .unwrap();
        available(page);
    }
}

#[test]
fn failures_are_counted_per_address_and_per_network() {
    let clock = FakeRelativeClock::default();
    let limiter = FailureLimiter::with_clock(clock.clone());
    let peer: IpAddr = "192.0.2.1".parse().unwrap();
    for _ in 0..FAILURES_BURST {
        assert!(limiter.note(peer).is_ok());
    }
    assert!(limiter.note(peer).is_err());
    assert!(limiter.note("192.0.2.2".parse().unwrap()).is_ok());
    assert!(limiter.note("::ffff:192.0.2.1".parse().unwrap()).is_err());
    clock.advance(Duration::from_secs(1));
    assert!(limiter.note(peer).is_ok());
    let one: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(
        network_of(one),
        network_of("2001:db8::ffff".parse().unwrap())
    );
    assert_ne!(
        network_of(one),
        network_of("2001:db8:0:1::1".parse().unwrap())
    );
}

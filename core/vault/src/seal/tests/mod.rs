//! What must hold of sealing, with a source of randomness that counts.

mod keys;
mod tokens;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fondaco_model::effects::Entropy;
use fondaco_model::ids::{DataKeyId, EndUserId, TenantId};
use fondaco_model::{Effects, SystemClock};
use uuid::Uuid;

use super::*;

/// Bytes that count up from the last one, so that each draw differs and is known.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes()[0];
        }
    }
}

fn counting_from(first: u64) -> Effects {
    Effects::new(
        Arc::new(SystemClock),
        Arc::new(Counting(AtomicU64::new(first))),
    )
}

/// A master key of the bytes first, first + 1, …
fn master(first: u8) -> MasterKey {
    let bytes: Vec<u8> = (first..first + 32).collect();
    MasterKey::from_text(&bytes::hex(&bytes)).unwrap()
}

fn ring(first: u8) -> KeyRing {
    KeyRing::new(master(first), Vec::new()).unwrap()
}

fn label() -> DataKeyLabel {
    DataKeyLabel {
        id: DataKeyId(Uuid::from_u128(3)),
        tenant: Some(TenantId(Uuid::from_u128(1))),
        ring: Ring::Token,
        subject: Subject::EndUser(EndUserId(Uuid::from_u128(2))),
    }
}

fn place() -> Place {
    Place {
        purpose: purpose::GRANT,
        tenant: Some(TenantId(Uuid::from_u128(1))),
        table: "grant",
        column: "sealed",
        row: Uuid::from_u128(4),
        version: 7,
        part: 0,
    }
}

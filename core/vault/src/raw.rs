//! Raw answers and files: compressed, sealed and stored chunk by chunk, and read back the same way.

use std::io::{self, Read, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use fondaco_model::ids::{RawAnswerId, TenantId};
use fondaco_model::{Fault, FaultKind};
use fondaco_store::in_tx;
use fondaco_store::repo::Scope;
use fondaco_store::repo::raw::{self, CHUNK_MAX, NewRawAnswer, RawAnswerRow};
use fondaco_transport::BodySink;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, mpsc};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::KeyError;
use crate::seal::{DataKey, Place, Ring, Sha256, Subject, open_bytes, purpose, seal_bytes};
use crate::{Inner, Vault};

/// Chunks that wait for a reader; with the one in its hands the memory that reading takes.
const CHUNKS_AHEAD: usize = 2;

/// First byte of a chunk that is stored as it was.
const PLAIN: u8 = 0;
/// First byte of a compressed chunk (RFC 1951).
const DEFLATED: u8 = 1;

fn place(tenant: TenantId, id: RawAnswerId, number: i64) -> Result<Place, VaultError> {
    Ok(Place {
        purpose: purpose::RAW_CHUNK,
        tenant: Some(tenant),
        table: "raw_chunk",
        column: "sealed",
        row: id.0,
        version: 1,
        part: u32::try_from(number).map_err(|_| VaultError::Invalid("too many chunks"))?,
    })
}

/// A chunk as it is sealed: compressed where that makes it smaller, so that no chunk outgrows its
/// limit.
fn pack(chunk: &[u8]) -> Result<Vec<u8>, VaultError> {
    let failed = |_| VaultError::Invalid("a chunk cannot be compressed");
    let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::fast());
    encoder.write_all(chunk).map_err(failed)?;
    let packed = encoder.finish().map_err(failed)?;
    if packed.len() <= chunk.len() {
        return Ok(packed);
    }
    let mut plain = Vec::with_capacity(chunk.len() + 1);
    plain.push(PLAIN);
    plain.extend_from_slice(chunk);
    Ok(plain)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, VaultError> {
    let broken = VaultError::Document("raw chunk");
    let Some((form, rest)) = packed.split_first() else {
        return Err(broken);
    };
    let mut chunk = Vec::new();
    let limit = u64::try_from(CHUNK_MAX).unwrap_or(u64::MAX) + 1;
    let read = match *form {
        PLAIN => rest.take(limit).read_to_end(&mut chunk),
        DEFLATED => DeflateDecoder::new(rest)
            .take(limit)
            .read_to_end(&mut chunk),
        _ => return Err(broken),
    };
    if read.is_err() || chunk.len() > CHUNK_MAX {
        return Err(broken);
    }
    Ok(chunk)
}

/// Writes one answer or file. As a [`BodySink`] it takes an answer as it streams by; a file is
/// written with [`write`](Self::write). Nothing counts before [`finish`](Self::finish).
pub struct RawWriter {
    inner: Arc<Inner>,
    tenant: TenantId,
    key: Arc<DataKey>,
    state: Mutex<Writing>,
}

struct Writing {
    new: NewRawAnswer,
    begun: bool,
    chunks: i64,
    bytes: i64,
    digest: Sha256,
    pending: Zeroizing<Vec<u8>>,
}

/// An answer that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The stored answer.
    pub id: RawAnswerId,
    /// True when the same bytes of the same person were stored before; `id` names those, and what
    /// was written now is swept.
    pub known: bool,
    /// SHA-256 of the bytes as received.
    pub content_sha256: [u8; 32],
    /// Bytes as received.
    pub content_bytes: i64,
}

impl std::fmt::Debug for RawWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawWriter({})", self.tenant)
    }
}

impl RawWriter {
    /// Takes bytes of any number, in their order.
    ///
    /// # Errors
    /// [`VaultError`] of key or store; the answer then never becomes complete.
    pub async fn write(&self, mut bytes: &[u8]) -> Result<(), VaultError> {
        let mut state = self.state.lock().await;
        while !bytes.is_empty() {
            let room = CHUNK_MAX - state.pending.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            state.pending.extend_from_slice(now);
            state.digest.update(now);
            state.bytes += i64::try_from(now.len()).unwrap_or(i64::MAX);
            bytes = later;
            if state.pending.len() == CHUNK_MAX {
                self.flush(&mut state).await?;
            }
        }
        Ok(())
    }

    async fn flush(&self, state: &mut Writing) -> Result<(), VaultError> {
        let begun = state.begun;
        let chunk = if state.pending.is_empty() {
            None
        } else {
            let packed = Zeroizing::new(pack(&state.pending)?);
            let place = place(self.tenant, state.new.id, state.chunks)?;
            Some(seal_bytes(&self.inner.effects, &self.key, &place, &packed)?)
        };
        let (new, number) = (&state.new, state.chunks);
        in_tx!(self.inner.db, self.tenant, |tx| {
            if !begun {
                raw::begin(tx, new).await?;
            }
            if let Some(sealed) = &chunk {
                raw::append(tx, new.id, number, sealed).await?;
            }
            Ok::<_, VaultError>(())
        })?;
        state.begun = true;
        if chunk.is_some() {
            state.chunks += 1;
            state.pending.clear();
        }
        Ok(())
    }

    /// Completes the answer, or finds the one that is there already.
    ///
    /// # Errors
    /// [`VaultError`] of key or store.
    pub async fn finish(self) -> Result<Written, VaultError> {
        let mut state = self.state.lock().await;
        self.flush(&mut state).await?;
        let content_sha256 = state.digest.clone().finish();
        let (new, content_bytes) = (&state.new, state.bytes);
        let known = in_tx!(self.inner.db, self.tenant, |tx| {
            // An unchanged answer of the same link and resource is stored once; so is a file.
            let found = raw::find_by_content(tx, new.end_user_id, &content_sha256).await?;
            let same =
                |row: &RawAnswerRow| row.link_id == new.link_id && row.resource == new.resource;
            if let Some(row) = found.filter(same) {
                return Ok::<_, VaultError>(Some(row.id));
            }
            raw::finish(tx, new.id, &content_sha256, content_bytes).await?;
            Ok(None)
        })?;
        Ok(Written {
            id: known.unwrap_or(new.id),
            known: known.is_some(),
            content_sha256,
            content_bytes,
        })
    }

    /// Notes what only the answer's head tells.
    pub async fn set_http_status(&self, status: u16) {
        self.state.lock().await.new.http_status = i16::try_from(status).ok();
    }
}

impl BodySink for RawWriter {
    fn restart(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            let mut state = self.state.lock().await;
            // What an earlier attempt left stays incomplete and is swept.
            state.new.id = RawAnswerId::new(&self.inner.effects);
            state.begun = false;
            (state.chunks, state.bytes) = (0, 0);
            state.digest = Sha256::new();
            state.pending.clear();
            Ok(())
        })
    }

    fn chunk<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { self.write(bytes).await.map_err(Fault::from) })
    }
}

/// Reads a stored answer from its first byte, in the memory of a few chunks. Blocks: for threads
/// that may, such as those of `spawn_blocking`.
pub struct RawReader {
    chunks: mpsc::Receiver<Result<Zeroizing<Vec<u8>>, VaultError>>,
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
}

impl std::fmt::Debug for RawReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawReader")
    }
}

impl Read for RawReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            match self.chunks.blocking_recv() {
                None => return Ok(0),
                Some(Err(error)) => return Err(io::Error::other(error.to_string())),
                Some(Ok(chunk)) => (self.chunk, self.at) = (chunk, 0),
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Vault {
    /// A writer for one answer or file; `new.data_key_id` is set here.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn raw_writer(
        &self,
        tenant: TenantId,
        mut new: NewRawAnswer,
    ) -> Result<RawWriter, KeyError> {
        let subject = Subject::EndUser(new.end_user_id);
        let key = self
            .inner
            .keys
            .of_subject(tenant, Ring::Data, subject)
            .await?;
        new.data_key_id = key.label().id;
        Ok(RawWriter {
            inner: Arc::clone(&self.inner),
            tenant,
            key,
            state: Mutex::new(Writing {
                new,
                begun: false,
                chunks: 0,
                bytes: 0,
                digest: Sha256::new(),
                pending: Zeroizing::new(Vec::new()),
            }),
        })
    }

    /// A reader of a complete answer, as far as the scope sees it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when it is not there or not complete; [`KeyError::Destroyed`] when
    /// its person was erased.
    pub async fn raw_reader(
        &self,
        tenant: TenantId,
        (scope, id): (Scope, RawAnswerId),
    ) -> Result<RawReader, VaultError> {
        let inner = Arc::clone(&self.inner);
        let mut read = inner.db.read(tenant).await?;
        let row = raw::get(&mut read, scope, id)
            .await?
            .filter(|row| row.complete);
        drop(read);
        let row = row.ok_or(VaultError::NotFound)?;
        let key = inner.keys.by_id(tenant, row.data_key_id).await?;
        let (send, chunks) = mpsc::channel(CHUNKS_AHEAD);
        tokio::spawn(async move {
            for number in 0..row.chunk_count {
                let chunk = inner.raw_chunk((tenant, id), number, &key).await;
                let failed = chunk.is_err();
                // A reader that is gone needs no more.
                if send.send(chunk).await.is_err() || failed {
                    return;
                }
            }
        });
        Ok(RawReader {
            chunks,
            chunk: Zeroizing::new(Vec::new()),
            at: 0,
        })
    }
}

impl Inner {
    async fn raw_chunk(
        &self,
        (tenant, id): (TenantId, RawAnswerId),
        number: i64,
        key: &DataKey,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let mut read = self.db.read(tenant).await?;
        let sealed = raw::chunk(&mut read, id, number)
            .await?
            .ok_or(VaultError::NotFound)?;
        drop(read);
        let packed = open_bytes(key, &place(tenant, id, number)?, &sealed)?;
        Ok(Zeroizing::new(unpack(&packed)?))
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::new(FaultKind::Internal, "vault.keys").with("cause", error.to_string())
    }
}

//! Raw answers and identifiers: what is written opens again, at its own place alone.

use std::io::Read as _;

use fondaco_model::draft::Identifier;
use fondaco_model::ids::{DataKeyId, EndUserId, RawAnswerId};
use fondaco_model::v1::IdentifierScheme;
use fondaco_store::repo::Scope;
use fondaco_store::repo::raw::{CHUNK_MAX, NewRawAnswer};
use fondaco_transport::BodySink as _;
use uuid::Uuid;

use super::*;
use crate::identifiers::Spot;

async fn new(house: &House, end_user: EndUserId) -> raw::RawWriter {
    let new = NewRawAnswer {
        id: RawAnswerId::new(house.vault.effects()),
        end_user_id: end_user,
        link_id: None,
        family: "statement_file".to_owned(),
        resource: "statement".to_owned(),
        request_fingerprint: None,
        data_key_id: DataKeyId(Uuid::nil()),
        http_status: None,
        file_name_sealed: None,
        fetched_at: house.vault.effects().now(),
        retention_until: None,
    };
    house.vault.raw_writer(house.tenant, new).await.unwrap()
}

/// Bytes that do not compress, then bytes that do.
fn content(house: &House, bytes: usize) -> Vec<u8> {
    let mut content = vec![b'x'; bytes];
    let half = bytes / 2;
    house.vault.effects().fill(&mut content[..half]);
    content
}

#[tokio::test]
async fn an_answer_of_any_size_reads_back_as_it_was_written_and_is_stored_once() {
    for house in houses().await {
        let end_user = house.start().await.end_user;
        for bytes in [0, 1, CHUNK_MAX, CHUNK_MAX + 1, 3 * CHUNK_MAX] {
            let content = content(&house, bytes);
            let writer = new(&house, end_user).await;
            // An attempt that broke off leaves nothing.
            writer.chunk(b"broken off").await.unwrap();
            writer.restart().await.unwrap();
            for piece in content.chunks(CHUNK_MAX - 7) {
                writer.chunk(piece).await.unwrap();
            }
            let written = writer.finish().await.unwrap();
            assert!(!written.known);
            assert_eq!(written.content_bytes, i64::try_from(bytes).unwrap());
            let at = (Scope::EndUser(end_user), written.id);
            let mut reader = house.vault.raw_reader(house.tenant, at).await.unwrap();
            let read = tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).map(|_| all)
            });
            assert!(read.await.unwrap().unwrap() == content, "{bytes} bytes");
            let again = new(&house, end_user).await;
            again.write(&content).await.unwrap();
            let again = again.finish().await.unwrap();
            assert_eq!((again.known, again.id), (true, written.id));
            let stranger = (Scope::EndUser(EndUserId(Uuid::nil())), written.id);
            let refused = house.vault.raw_reader(house.tenant, stranger).await;
            assert!(matches!(refused, Err(VaultError::NotFound)));
        }
    }
}

#[tokio::test]
async fn an_identifier_opens_at_its_own_place_and_is_found_by_its_hash() {
    for house in houses().await {
        let end_user = house.start().await.end_user;
        let sealer = house
            .vault
            .identifier_sealer(house.tenant, end_user)
            .await
            .unwrap();
        let iban = Identifier {
            scheme: IdentifierScheme::Iban,
            value: Secret::new("DE89370400440532013000"),
        };
        let spot = Spot::new(Uuid::from_u128(1), "account_identifier", "sealed");
        let sealed = sealer.seal(spot, &iban).unwrap();
        assert_eq!(sealed.masked, "DE••••3000");
        assert!(!sealed.sealed.contains("DE89"));
        assert_eq!(sealer.hash(&iban).hash, sealed.hash);
        let opened = house
            .vault
            .open_identifiers(house.tenant, &[(spot, &sealed.sealed)])
            .await;
        assert_eq!(opened.unwrap()[0].as_ref().unwrap(), &iban.value);
        let elsewhere = Spot::new(Uuid::from_u128(2), "account_identifier", "sealed");
        let moved = [(elsewhere, sealed.sealed.as_str())];
        assert!(
            house
                .vault
                .open_identifiers(house.tenant, &moved)
                .await
                .is_err()
        );
    }
}

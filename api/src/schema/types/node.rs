//! Nodes: everything that can be fetched again by its id alone.

use async_graphql::{Context, ID, Interface};
use fondaco_model::ids::{AccountId, ConsentId, EndUserId, LinkId, LinkSessionId, TransactionId};
use fondaco_model::scope::KeyScope;

use super::account::{Account, BankAccount};
use super::consent::Consent;
use super::link::Link;
use super::link_session::LinkSession;
use super::people::EndUser;
use super::transaction::BankTransaction;
use super::{account, link, transaction};
use crate::schema::access::{Access, Field, found, id_of};
use crate::schema::reads::Reads;

/// Anything that can be fetched again by its id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id, the same in every answer."))]
pub(crate) enum Node {
    EndUser(EndUser),
    Link(Link),
    LinkSession(LinkSession),
    Consent(Consent),
    BankAccount(BankAccount),
    BankTransaction(BankTransaction),
}

/// The node of an id; null for an id that is unknown, of another tenant, or no id at all.
pub(crate) async fn by_id(cx: &Context<'_>, id: &ID) -> Field<Node> {
    let access = Access::of(cx);
    let reads = Reads::of(cx);
    // The prefix tells which right is needed, so that a refusal says nothing about what exists.
    let prefix = id.as_str().split('_').next().unwrap_or_default();
    if let Err(error) = right_of(prefix).map_or(Ok(()), |right| access.need(right)) {
        return Some(Err(error));
    }
    match prefix {
        EndUserId::PREFIX => found(reads.end_users.load(id_of(id)?).await, |row| {
            Node::EndUser(EndUser(row))
        }),
        LinkId::PREFIX => link::by_id(cx, id_of(id))
            .await
            .map(|found| found.map(Node::Link)),
        LinkSessionId::PREFIX => found(reads.sessions.load(id_of(id)?).await, |row| {
            Node::LinkSession(LinkSession(row))
        }),
        ConsentId::PREFIX => found(reads.consents.load(id_of(id)?).await, |row| {
            Node::Consent(Consent(row))
        }),
        AccountId::PREFIX => {
            let found = account::by_id(cx, id_of(id)?).await;
            found.map(|found| found.map(|Account::Bank(account)| Node::BankAccount(account)))
        }
        TransactionId::PREFIX => {
            let found = transaction::by_id(cx, id_of(id)?).await;
            found.map(|found| found.map(Node::BankTransaction))
        }
        _ => None,
    }
}

fn right_of(prefix: &str) -> Option<KeyScope> {
    match prefix {
        EndUserId::PREFIX | LinkId::PREFIX | ConsentId::PREFIX | AccountId::PREFIX => {
            Some(KeyScope::AccountsRead)
        }
        LinkSessionId::PREFIX => Some(KeyScope::LinkWrite),
        TransactionId::PREFIX => Some(KeyScope::TransactionsRead),
        _ => None,
    }
}

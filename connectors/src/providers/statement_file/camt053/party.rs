//! Maps parties, their accounts and their institutions.

use fondaco_model::draft::{Identifier, PartyDraft};
use fondaco_model::v1::{IdentifierScheme, PartyType};
use fondaco_model::{Direction, Secret};

use super::values::Notes;
use crate::core::xml::Node;

/// The code of an institution: `BICFI`, in version 02 `BIC`.
pub(super) fn bic(agent: &Node<'_>) -> Option<String> {
    let institution = agent.at(&["FinInstnId"])?;
    let code = institution.text_at(&["BICFI"]);
    code.or_else(|| institution.text_at(&["BIC"]))
        .map(str::to_owned)
}

/// The names of the elements of one side.
struct Side {
    party: &'static str,
    account: &'static str,
    ultimate: &'static str,
    agent: &'static str,
}

const DEBTOR: Side = Side {
    party: "Dbtr",
    account: "DbtrAcct",
    ultimate: "UltmtDbtr",
    agent: "DbtrAgt",
};

const CREDITOR: Side = Side {
    party: "Cdtr",
    account: "CdtrAcct",
    ultimate: "UltmtCdtr",
    agent: "CdtrAgt",
};

/// The other side of an entry: the debtor of money that came in, the creditor of money that went
/// out. A reversal keeps the parties of the entry that it takes back.
pub(super) fn counterparty(
    details: &Node<'_>,
    direction: Direction,
    reversal: bool,
    path: &str,
    notes: &mut Notes,
) -> PartyDraft {
    let side = match (direction, reversal) {
        (Direction::Credit, false) | (Direction::Debit, true) => &DEBTOR,
        (Direction::Debit, false) | (Direction::Credit, true) => &CREDITOR,
    };
    let mut draft = PartyDraft::default();
    if let Some(parties) = details.at(&["RltdPties"]) {
        let party = parties.at(&[side.party]).map(unwrapped);
        draft.name = party.and_then(name);
        draft.party_type = party.map_or(PartyType::Unknown, party_type);
        draft.address = party
            .and_then(|party| party.at(&["PstlAdr"]))
            .and_then(address);
        draft.ultimate_name = parties.at(&[side.ultimate]).map(unwrapped).and_then(name);
        if let Some(account) = parties.at(&[side.account]) {
            let path = format!("{path}/RltdPties/{}", side.account);
            draft.identifiers = notes.account_id(account, &path).into_iter().collect();
            draft.identifiers.extend(proxy(account));
        }
    }
    if let Some(agent) = details.at(&["RltdAgts", side.agent]) {
        draft.agent_bic = bic(agent);
        let text = |path: &[&str]| agent.text_at(path).map(str::to_owned);
        let system = ["FinInstnId", "ClrSysMmbId", "ClrSysId"];
        draft.agent_clearing_system = ["Cd", "Prtry"]
            .iter()
            .find_map(|name| text(&[system[0], system[1], system[2], name]));
        draft.agent_member_id = text(&["FinInstnId", "ClrSysMmbId", "MmbId"]);
        draft.agent_name = text(&["FinInstnId", "Nm"]);
    }
    draft
}

/// What stands for an account's number, since version 08: a telephone number or another name.
fn proxy(account: &Node<'_>) -> Option<Identifier> {
    let proxy = account.at(&["Prxy"])?;
    let scheme = match proxy.text_at(&["Tp", "Cd"]) {
        Some("TELE") => IdentifierScheme::Msisdn,
        _ => IdentifierScheme::Proprietary,
    };
    let value = Secret::new(proxy.text_at(&["Id"])?.to_owned());
    Some(Identifier { scheme, value })
}

/// The creditor's identifier of a SEPA direct debit.
pub(super) fn creditor_id(details: &Node<'_>) -> Option<String> {
    let creditor = unwrapped(details.at(&["RltdPties", "Cdtr"])?);
    let private = creditor.at(&["Id", "PrvtId"])?;
    let sepa = |id: &&Node<'_>| id.text_at(&["SchmeNm", "Prtry"]) == Some("SEPA");
    private
        .all("Othr")
        .find(sepa)?
        .text_at(&["Id"])
        .map(str::to_owned)
}

/// Since version 08 a party is a choice of `Pty` and `Agt`.
fn unwrapped<'n, 'a>(party: &'n Node<'a>) -> &'n Node<'a> {
    let choice = party.at(&["Pty"]).or_else(|| party.at(&["Agt"]));
    choice.unwrap_or(party)
}

fn name(party: &Node<'_>) -> Option<String> {
    let own = party.text_at(&["Nm"]);
    own.or_else(|| party.text_at(&["FinInstnId", "Nm"]))
        .map(str::to_owned)
}

fn party_type(party: &Node<'_>) -> PartyType {
    if party.name == "Agt" {
        PartyType::Institution
    } else if party.at(&["Id", "OrgId"]).is_some() {
        PartyType::Organisation
    } else if party.at(&["Id", "PrvtId", "DtAndPlcOfBirth"]).is_some() {
        // A private identification alone proves nothing: SEPA puts creditors' ids there.
        PartyType::Person
    } else {
        PartyType::Unknown
    }
}

/// The postal address in one line.
fn address(node: &Node<'_>) -> Option<Secret> {
    let mut parts: Vec<String> = Vec::new();
    for pair in [["StrtNm", "BldgNb"], ["PstCd", "TwnNm"]] {
        let found: Vec<&str> = pair
            .iter()
            .filter_map(|name| node.text_at(&[name]))
            .collect();
        if !found.is_empty() {
            parts.push(found.join(" "));
        }
    }
    parts.extend(
        node.all("AdrLine")
            .filter_map(|line| line.own_text().map(str::to_owned)),
    );
    parts.extend(node.text_at(&["Ctry"]).map(str::to_owned));
    (!parts.is_empty()).then(|| Secret::new(parts.join(", ")))
}

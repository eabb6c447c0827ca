//! The HTML of the bank's pages.

use axum::http::StatusCode;
use axum::response::Response;

use crate::consent::{Access, Consent};
use crate::data::{ACCOUNTS, AccountRef, PASSWORD, PEOPLE, account_ref, accounts_of};
use crate::web::page_response;

/// Text made safe for HTML content and quoted attributes.
fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut safe, sign| {
            match sign {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                other => safe.push(other),
            }
            safe
        })
}

fn shell(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – Sandbox Bank</title>\n<link rel=\"stylesheet\" href=\"/bank.css\">\n\
         </head>\n<body>\n<header><p class=\"brand\">Sandbox Bank</p>\n\
         <p class=\"note\">A simulated bank. Everybody and everything here is made up.</p>\
         </header>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
}

/// A page that says why it goes no further.
pub(crate) fn problem(status: StatusCode, text: &str) -> Response {
    let body = format!("<p role=\"alert\" class=\"alert\">{}</p>", escaped(text));
    page_response(status, shell("This did not work", &body), "'none'")
}

pub(super) fn home(base_url: &str) -> String {
    let base = escaped(base_url);
    let body = format!(
        "<p>This address belongs to a bank for trying things out. People come here from the \
         application that wants to read their accounts.</p>\n{}\n\
         <p>Programs find the authorization server's description at \
         <code>{base}/.well-known/oauth-authorization-server</code> and accounts under \
         <code>{base}/psd2/v1</code>.</p>",
        people()
    );
    shell("Welcome", &body)
}

fn people() -> String {
    let rows: Vec<String> = PEOPLE
        .iter()
        .map(|person| {
            format!(
                "<li><code>{}</code> – {}</li>",
                person.user,
                escaped(person.name)
            )
        })
        .collect();
    let rows = rows.join("\n");
    format!(
        "<section class=\"hint\"><h2>Who can log in</h2>\n<ul>\n{rows}\n</ul>\n\
         <p>The password of all three is <code>{PASSWORD}</code>.</p></section>"
    )
}

pub(super) fn login(flow: &str, user: &str, has_failed: bool) -> String {
    let (alert, described) = if has_failed {
        (
            "<p id=\"alert\" role=\"alert\" class=\"alert\">User name or password is wrong.</p>",
            " aria-invalid=\"true\" aria-describedby=\"alert\"",
        )
    } else {
        ("", "")
    };
    let flow = escaped(flow);
    let body = format!(
        "{alert}\n<form method=\"post\" action=\"/bank/login\">\n\
         <input type=\"hidden\" name=\"flow\" value=\"{flow}\">\n\
         <label for=\"user\">User name</label>\n\
         <input id=\"user\" name=\"user\" value=\"{}\" autocomplete=\"username\" \
         autocapitalize=\"none\" required{described}>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required{described}>\n\
         <button type=\"submit\">Log in</button>\n</form>\n\
         <form method=\"post\" action=\"/bank/approve\">\n\
         <input type=\"hidden\" name=\"flow\" value=\"{flow}\">\n\
         <button class=\"quiet\" name=\"decision\" value=\"deny\">Cancel</button>\n</form>\n{}",
        escaped(user),
        people()
    );
    shell("Log in", &body)
}

pub(super) fn approve(flow: &str, consent: &Consent, person: usize) -> String {
    let name = escaped(PEOPLE[person].name);
    let flow = escaped(flow);
    let hidden = format!("<input type=\"hidden\" name=\"flow\" value=\"{flow}\">");
    let accounts = consent.candidates(&accounts_of(person));
    let Some(accounts) = accounts else {
        let body = format!(
            "<p role=\"alert\" class=\"alert\">The application asks for an account that is not \
             yours, {name}.</p>\n<form method=\"post\" action=\"/bank/approve\">\n{hidden}\n\
             <button name=\"decision\" value=\"deny\">Refuse and go back</button>\n</form>"
        );
        return shell("Approve access", &body);
    };
    let what = what_is_shared(consent).join("</li>\n<li>");
    let is_choice = consent.is_open_choice();
    let rows: String = accounts
        .iter()
        .map(|at| account_row(*at, is_choice))
        .collect();
    let question = if is_choice {
        "Choose the accounts"
    } else {
        "For these accounts"
    };
    let often = if consent.recurring {
        format!(
            "until {}, up to {} times a day",
            consent.valid_until, consent.frequency
        )
    } else {
        "once".to_owned()
    };
    let body = format!(
        "<p>You are logged in as <strong>{name}</strong>. An application asks to read:</p>\n\
         <ul>\n<li>{what}</li>\n</ul>\n<p>It may do so {often}. It cannot pay and does not see \
         your password. You can withdraw this at any time.</p>\n\
         <form method=\"post\" action=\"/bank/approve\">\n{hidden}\n\
         <fieldset><legend>{question}</legend>\n{rows}</fieldset>\n<div class=\"choice\">\n\
         <button name=\"decision\" value=\"approve\">Approve</button>\n\
         <button class=\"quiet\" name=\"decision\" value=\"deny\">Deny</button>\n\
         </div>\n</form>"
    );
    shell("Approve access", &body)
}

fn account_row(at: usize, is_choice: bool) -> String {
    let account = &ACCOUNTS[at];
    let number = match account_ref(account) {
        AccountRef::Iban(text) | AccountRef::Bban(text) => text,
    };
    let text = format!(
        "{} <span class=\"number\">{} · {}</span>",
        escaped(account.name),
        escaped(&number),
        account.currency
    );
    if is_choice {
        let key = account.key;
        format!(
            "<p class=\"tick\"><input type=\"checkbox\" id=\"{key}\" name=\"account\" \
             value=\"{key}\" checked><label for=\"{key}\">{text}</label></p>\n"
        )
    } else {
        format!("<p>{text}</p>\n")
    }
}

fn what_is_shared(consent: &Consent) -> Vec<&'static str> {
    let (balances, transactions) = match &consent.access {
        Access::AllPsd2 => (true, true),
        Access::List { balances } => (*balances, false),
        Access::Named {
            balances,
            transactions,
            ..
        } => (balances.is_some(), transactions.is_some()),
    };
    let mut lines = vec!["names and numbers of the accounts"];
    if balances {
        lines.push("balances");
    }
    if transactions {
        lines.push("transactions");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sends_cannot_become_markup() {
        let html = login("f\"><script>", "<b>'anna'</b>", true);
        assert!(
            !html.contains("<script>") && !html.contains("<b>"),
            "{html}"
        );
        assert!(html.contains("&#39;anna&#39;"));
    }
}

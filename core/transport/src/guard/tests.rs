//! Every spelling of a private address is refused, and names are held to their addresses.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use url::Url;

use super::*;

fn reason(url: &str, reach: Reach) -> Option<&'static str> {
    address(&Url::parse(url).unwrap(), reach).err()
}

#[test]
fn private_addresses_are_refused_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[2001:2::1]",
        "[3fff::1]",
        "[100::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[::ffff:8.8.8.8]",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        let url = format!("https://{host}:9202/x");
        assert_eq!(
            reason(&url, Reach::Public),
            Some("address_refused"),
            "{url}"
        );
    }
}

#[test]
fn the_neighbours_of_the_refused_ranges_are_public() {
    for host in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "[2001:200::1]",
        "[2003::1]",
        "[2606:4700::1111]",
        "[2a00:1450::1]",
        "[3ffd::1]",
    ] {
        assert_eq!(
            reason(&format!("https://{host}/"), Reach::Public),
            None,
            "{host}"
        );
    }
}

#[test]
fn only_https_is_spoken_and_no_credentials_stand_in_an_address() {
    for (url, expected) in [
        ("http://bank.example/", "scheme_refused"),
        ("http://127.0.0.1/", "scheme_refused"),
        ("ftp://bank.example/", "scheme_refused"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "scheme_refused"),
        ("file:///etc/passwd", "host_missing"),
        ("data:text/plain,x", "host_missing"),
        ("https://user@bank.example/", "userinfo_refused"),
        ("https://:word@bank.example/", "userinfo_refused"),
    ] {
        assert_eq!(reason(url, Reach::Public), Some(expected), "{url}");
    }
    assert_eq!(reason("https://bank.example./", Reach::Public), None);
}

#[test]
fn a_sandbox_reaches_loopback_and_nothing_else_that_is_private() {
    for url in [
        "http://127.0.0.1:1/",
        "http://[::1]:1/",
        "http://localhost/",
        "https://127.0.0.1/",
    ] {
        assert_eq!(reason(url, Reach::Sandbox), None, "{url}");
    }
    for (url, expected) in [
        ("http://bank.example/", "scheme_refused"),
        ("http://10.0.0.1/", "scheme_refused"),
        ("https://10.0.0.1/", "address_refused"),
        (
            "https://169.254.169.254/latest/meta-data/",
            "address_refused",
        ),
        ("https://[fe80::1]/", "address_refused"),
        ("https://0.0.0.0/", "address_refused"),
        ("https://[::ffff:127.0.0.1]/", "address_refused"),
    ] {
        assert_eq!(reason(url, Reach::Sandbox), Some(expected), "{url}");
    }
}

/// Answers each lookup with the next of its lists.
struct Script(Mutex<Vec<Vec<&'static str>>>);

impl Names for Script {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let next = self.0.lock().unwrap().remove(0);
        let found = next.into_iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    }
}

async fn resolved(reach: Reach, name: &str, found: Vec<&'static str>) -> Result<usize, String> {
    let names = Arc::new(Script(Mutex::new(vec![found])));
    let found = Guarded::addresses(names, reach, name.to_owned()).await;
    found
        .map(|list| list.len())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_name_with_one_private_address_is_refused_as_a_whole() {
    let public = Reach::Public;
    assert_eq!(
        resolved(public, "b.example", vec!["8.8.8.8", "2606:4700::1"]).await,
        Ok(2)
    );
    for found in [
        vec!["8.8.8.8", "127.0.0.1"],
        vec!["::1"],
        vec!["::ffff:10.0.0.1"],
        vec!["169.254.169.254"],
        vec!["8.8.8.8"; ADDRESSES_PLENTY],
    ] {
        let refused = resolved(public, "b.example", found).await.unwrap_err();
        assert!(refused.contains("may not be reached"), "{refused}");
    }
    assert!(
        resolved(public, "b.example", vec![])
            .await
            .unwrap_err()
            .contains("not be resolved")
    );
}

const ADDRESSES_PLENTY: usize = 65;

#[tokio::test]
async fn a_name_for_this_machine_stays_on_it() {
    let sandbox = Reach::Sandbox;
    assert_eq!(
        resolved(sandbox, "localhost", vec!["127.0.0.1", "::1"]).await,
        Ok(2)
    );
    assert!(
        resolved(sandbox, "bank.localhost.", vec!["8.8.8.8"])
            .await
            .is_err()
    );
    assert!(
        resolved(sandbox, "bank.example", vec!["10.0.0.1"])
            .await
            .is_err()
    );
    assert!(
        resolved(Reach::Public, "localhost", vec!["127.0.0.1"])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_name_that_moves_to_loopback_is_refused_at_its_next_resolution() {
    let names = Arc::new(Script(Mutex::new(vec![vec!["8.8.8.8"], vec!["127.0.0.1"]])));
    let look = || Guarded::addresses(names.clone(), Reach::Public, "b.example".to_owned());
    assert!(look().await.is_ok());
    assert!(look().await.is_err());
}

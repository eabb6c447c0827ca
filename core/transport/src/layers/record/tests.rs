//! What is recorded shows no secret and can be played back.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::testkit::{API, Script, answer, call, target};
use crate::{Body, Replay};

/// A folder of this test alone that goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("fondaco-transport-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_recorded_exchange_shows_no_secret_and_answers_the_same_call_again() {
    let folder = Folder::new("record");
    let body = br#"{"accounts":[{"resourceId":"1","iban":"DE-s3cret","ownerName":"s3cret"}]}"#;
    let headers = [
        ("content-type", "application/json"),
        ("set-cookie", "s3cret"),
    ];
    let script = Script::new([Ok(answer(200, &headers, body))]);
    let stack = Record::new(Some(folder.0.clone())).wrap(script);
    let target = target("a");
    let mut sent = call(&target, &format!("{API}?token=s3cret&page=1"));
    sent.request
        .headers
        .insert("authorization", "Bearer s3cret".parse().unwrap());
    stack.send(sent.clone()).await.unwrap();

    let path = folder.0.join("000000.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let replay = Replay::from_folder(&folder.0).unwrap();
    let again = replay.send(sent.clone()).await.unwrap();
    let Body::Whole(body) = again.body else {
        panic!("the body is collected")
    };
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains(r#""resourceId":"1""#)
    );
    assert_eq!(replay.unused(), 0);
    let spent = replay.send(sent).await.unwrap_err();
    assert_eq!(spent.get("reason"), Some("no_recorded_exchange"));
}

#[tokio::test]
async fn without_a_folder_nothing_is_put_around_the_client() {
    let script: Arc<dyn Transport> = Script::new([]);
    let stack = Record::new(None).wrap(script.clone());
    assert!(Arc::ptr_eq(&script, &stack));
}

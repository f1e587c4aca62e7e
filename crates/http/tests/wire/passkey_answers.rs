//! What authenticators and browsers answer that is not as it was asked for, and what is kept of what is.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use futures_util::future::join;
use serde_json::{Value, json};

use crate::support::{Device, World};

on_both!(
    attack_7_who_was_not_verified_adds_no_passkey,
    attack_7_a_page_in_somebodys_frame_neither_adds_nor_signs_in,
    attack_7_an_id_is_as_long_as_ids_are,
    attack_7_of_two_who_add_the_same_passkey_at_once_one_does,
    what_attests_to_a_passkey_is_not_kept,
    a_challenge_keeps_nobodys_name_and_no_ids,
);

const FAILED: (u16, &str) = (400, "passkey_registration_failed");

async fn attack_7_who_was_not_verified_adds_no_passkey(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let challenge = world.begin_passkey(&alice).await;
    let made = Device::new().make_unasked(&challenge);
    world.add_passkey(&alice, &challenge, &made).await.refused(FAILED.0, FAILED.1);
    assert_eq!(world.passkeys(&alice).await, Vec::<Value>::new());
}

async fn attack_7_a_page_in_somebodys_frame_neither_adds_nor_signs_in(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = Device::new();
    for framed in [true, false] {
        let challenge = world.begin_passkey(&alice).await;
        let made = device.make_framed(&challenge, framed);
        let added = world.add_passkey(&alice, &challenge, &made).await;
        if framed {
            added.refused(FAILED.0, FAILED.1);
        } else {
            added.ok();
        }
    }
    for email in [None, Some("alice@example.com")] {
        let challenge = world.passkey_challenge(Some(&app), email).await;
        let signed = device.sign_framed(&challenge, true);
        let refused = world.answer_with_passkey(Some(&app), &challenge, &signed).await;
        refused.refused(401, "passkey_authentication_failed");
        // What says that it is no frame is let in: it was not the signature.
        let challenge = world.passkey_challenge(Some(&app), email).await;
        let signed = device.sign_framed(&challenge, false);
        world.answer_with_passkey(Some(&app), &challenge, &signed).await.ok();
    }
    assert_eq!(world.events("auth.passkey_suspect"), 0);
}

async fn attack_7_an_id_is_as_long_as_ids_are(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    for (length, taken) in [(1, false), (15, false), (16, true), (1023, true), (1024, false)] {
        let challenge = world.begin_passkey(&alice).await;
        let made = Device::new().make_as(&challenge, &BASE64.encode(vec![7; length]));
        let answer = world.add_passkey(&alice, &challenge, &made).await;
        assert_eq!(answer.is_success(), taken, "{length}: {answer:?}");
        if !taken {
            answer.refused(FAILED.0, FAILED.1);
        }
    }
}

async fn attack_7_of_two_who_add_the_same_passkey_at_once_one_does(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let [alice, bob] = [world.sign_up(Some(&app), "alice").await, world.sign_up(Some(&app), "bob").await];
    for number in 1..=8 {
        let id = BASE64.encode([number; 32]);
        let challenges = [world.begin_passkey(&alice).await, world.begin_passkey(&bob).await];
        let [first, second] = [0, 1].map(|at| Device::new().make_as(&challenges[at], &id));
        let adding =
            (world.add_passkey(&alice, &challenges[0], &first), world.add_passkey(&bob, &challenges[1], &second));
        let (by_alice, by_bob) = join(adding.0, adding.1).await;
        assert_ne!(by_alice.is_success(), by_bob.is_success(), "{by_alice:?} {by_bob:?}");
        let late = if by_alice.is_success() { by_bob } else { by_alice };
        late.refused(FAILED.0, FAILED.1);
    }
    let held = world.passkeys(&alice).await.len() + world.passkeys(&bob).await.len();
    assert_eq!(held, 8);
    // Those who came late have used their challenges up all the same.
    assert_eq!(world.number("SELECT count(*) FROM passkey_challenges WHERE used_at IS NULL"), 0);
}

async fn what_attests_to_a_passkey_is_not_kept(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = Device::new();
    let challenge = world.begin_passkey(&alice).await;
    let mut made = device.make(&challenge);
    // It signs for itself, which we have not asked for.
    let object = BASE64.decode(made["response"]["attestationObject"].as_str().unwrap()).unwrap();
    assert!(object.windows(6).any(|bytes| bytes == b"packed"));
    made["response"]["transports"] = json!(vec!["usb"; 500]);
    assert_eq!(world.add_passkey(&alice, &challenge, &made).await.ok()["transports"], json!(["usb"]));
    let kept = |what: &str| world.number(&format!("SELECT count(*) FROM passkeys WHERE credential LIKE '%{what}%'"));
    let all = ["acked\"", "\"Self", "\"usb\"", "\"attestation_format\":\"none\""];
    assert_eq!(all.map(kept), [0, 0, 0, 1]);
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn a_challenge_keeps_nobodys_name_and_no_ids(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = world.device_of(&alice).await;
    let held = device.credential_id();
    let challenge = world.begin_passkey(&alice).await;
    world.passkey_challenge(Some(&app), Some("alice@example.com")).await.ok();
    for said in ["alice", held.as_str(), "acme"] {
        let keeps = format!("SELECT count(*) FROM passkey_challenges WHERE used_at IS NULL AND state LIKE '%{said}%'");
        assert_eq!(world.number(&keeps), 0, "{said}");
    }
    assert_eq!(world.number("SELECT count(*) FROM passkey_challenges WHERE used_at IS NULL"), 2);
    // Whoever has one on the device already makes no second one, whatever the browser does with what it is told.
    let again = device.make_as(&challenge, &held);
    world.add_passkey(&alice, &challenge, &again).await.refused(FAILED.0, FAILED.1);
}

//! In which language, in whose looks and in whose words letters are.

use kernel::{Locale, Role};
use platform::mailer::Letter;
use serde_json::{Value, json};

use crate::support::{App, Company, PASSWORD, World};

on_both!(
    a_letter_is_in_the_language_that_was_asked_for_or_in_the_apps,
    a_language_is_kept_with_the_order,
    an_invitation_is_in_the_apps_language,
    a_letter_looks_like_its_app,
    attack_49_no_branding_becomes_markup,
    an_app_has_its_own_words,
    a_template_that_is_none_is_refused,
    templates_are_an_administrators_to_change,
);

async fn letter(world: &World, app: &App, wished: Option<&str>) -> Letter {
    let asked = world.at_door(Some(app), "/v1/auth/forgot-password", &json!({ "email": "alice@example.com" }));
    let asked = match wished {
        Some(wished) => asked.header("accept-language", wished),
        None => asked,
    };
    asked.send().await.ok();
    world.mail().await.letter
}

async fn a_letter_is_in_the_language_that_was_asked_for_or_in_the_apps(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    let of_app = async |locale: Value| world.configure(&app, &json!({ "locale": locale })).await;
    for (wished, locale) in [
        (None, Locale::En),
        (Some("de"), Locale::De),
        (Some("de-AT,de;q=0.9,en;q=0.8"), Locale::De),
        (Some("en;q=0.3, de;q=0.7"), Locale::De),
        (Some("fr, it;q=0.9"), Locale::En),
        (Some("fr, de;q=0.1"), Locale::De),
        (Some("de;q=0, fr"), Locale::En),
        (Some("*"), Locale::En),
        (Some(""), Locale::En),
        (Some("=?;;q=,,"), Locale::En),
    ] {
        assert_eq!(letter(world, &app, wished).await.locale, locale, "{wished:?}");
    }
    of_app(json!("de")).await;
    for (wished, locale) in [(None, Locale::De), (Some("fr"), Locale::De), (Some("en-GB"), Locale::En)] {
        assert_eq!(letter(world, &app, wished).await.locale, locale, "{wished:?}");
    }
    let path = format!("/v1/apps/{}", app.id);
    for bad in ["fr", "DE", "de-AT", ""] {
        let told = world.patch(&path, &json!({ "locale": bad })).bearer(&app.api_key).send().await;
        told.refused(400, "invalid_setting");
    }
    assert_eq!(world.get(&path).bearer(&app.api_key).send().await.ok()["locale"], "de");
}

async fn a_language_is_kept_with_the_order(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    for about in ["verify_email", "already_signed_up"] {
        let body = json!({ "email": "alice@example.com", "password": PASSWORD });
        let sign_up = world.at_door(Some(&app), "/v1/auth/signup", &body).header("accept-language", "de");
        sign_up.send().await.ok();
        let letter = world.restarted().await.mail().await.letter;
        assert_eq!((letter.about(), letter.locale), (about, Locale::De));
    }
    world.configure(&app, &json!({ "require_verified_email": false })).await;
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    world.at_door(Some(&app), "/v1/auth/signup", &body).header("accept-language", "de").send().await.ok();
    assert_eq!(world.mail().await.letter.locale, Locale::De);
    let resend = world.at_door(Some(&app), "/v1/auth/resend-verification", &body);
    resend.header("accept-language", "de").send().await.ok();
    assert_eq!(world.mail().await.letter.locale, Locale::De);
}

async fn an_invitation_is_in_the_apps_language(world: &World) {
    let company = Company::new(world).await;
    world.configure(&company.app, &json!({ "locale": "de" })).await;
    world.mails().await;
    let body = json!({ "email": "alice@example.com", "role": "member" });
    let invite = world.post(&company.path("invitations"), &body).by(&company.owner).header("accept-language", "en");
    invite.send().await.ok();
    assert_eq!(world.mail().await.letter.locale, Locale::De, "whoever invites is not who reads it");
}

async fn a_letter_looks_like_its_app(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    let branding =
        json!({ "logo_url": "https://cdn.example.com/logo.png", "color": "#0A7BFF", "from_name": "Acme & Söhne" });
    let path = format!("/v1/apps/{}", app.id);
    let changed = world.patch(&path, &json!({ "branding": branding })).bearer(&app.api_key).send().await;
    let shown =
        json!({ "logo_url": "https://cdn.example.com/logo.png", "color": "#0a7bff", "from_name": "Acme & Söhne" });
    assert_eq!(changed.ok()["branding"], shown);
    let brand = letter(world, &app, None).await.brand;
    assert_eq!((brand.name.as_str(), brand.from_name.as_str()), ("acme", "Acme & Söhne"));
    assert_eq!(brand.logo.unwrap().as_str(), "https://cdn.example.com/logo.png");
    assert_eq!(brand.color.unwrap().as_str(), "#0a7bff");
    // What is left out stays, and null clears it.
    world.configure(&app, &json!({ "branding": { "logo_url": null } })).await;
    let cleared = world.get(&path).bearer(&app.api_key).send().await;
    assert_eq!(cleared.ok()["branding"], json!({ "logo_url": null, "color": "#0a7bff", "from_name": "Acme & Söhne" }));
}

async fn attack_49_no_branding_becomes_markup(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    for (branding, code) in [
        (json!({ "logo_url": "http://cdn.example.com/logo.png" }), "invalid_url"),
        (json!({ "logo_url": "http://localhost/logo.png" }), "invalid_url"),
        (json!({ "logo_url": "javascript:alert(1)" }), "invalid_url"),
        (json!({ "logo_url": "data:image/svg+xml,<svg onload=alert(1)>" }), "invalid_url"),
        (json!({ "logo_url": "https://a@b.example/x.png" }), "invalid_url"),
        (json!({ "color": "red" }), "invalid_setting"),
        (json!({ "color": "#fff; background: url(https://evil.example)" }), "invalid_setting"),
        (json!({ "from_name": "Acme\r\nBcc: eve@example.com" }), "invalid_name"),
        (json!({ "from_name": "" }), "invalid_name"),
    ] {
        let told = world.patch(&path, &json!({ "branding": branding })).bearer(&app.api_key).send().await;
        told.refused(400, code);
    }
}

fn words(text: &str) -> Value {
    json!({ "subject": format!("{text} {{{{app_name}}}}"), "text": format!("{text} {{{{link}}}}"),
            "html": format!("<a href=\"{{{{link}}}}\">{text}</a>") })
}

async fn an_app_has_its_own_words(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    let base = format!("/v1/apps/{}/mail-templates", app.id);
    let path = format!("{base}/reset_password.de");
    world.get(&path).bearer(&app.api_key).send().await.refused(404, "not_found");
    let put = world.call("PUT", &path).json(&words("Los")).bearer(&app.api_key).send().await;
    let template = put.ok().clone();
    assert_eq!(template["name"], "reset_password.de");
    assert_eq!((&template["letter"], &template["locale"]), (&json!("reset_password"), &json!("de")));
    assert_eq!(template["text"], "Los {{link}}");
    assert_eq!(world.get(&path).bearer(&app.api_key).send().await.ok(), &template);
    let verify = format!("{base}/verify_email.en");
    world.call("PUT", &verify).json(&words("Go")).bearer(&app.api_key).send().await.ok();
    let listed = world.get(&base).bearer(&app.api_key).send().await;
    let names: Vec<_> = listed.ok().as_array().unwrap().iter().map(|template| template["name"].clone()).collect();
    assert_eq!(names, ["reset_password.de", "verify_email.en"]);
    assert_eq!(world.events("app.updated"), 2);

    // It counts for its letter, in its language, in its app.
    let said = |letter: Letter| letter.template.map(|words| words.text().to_owned());
    assert_eq!(said(letter(world, &app, Some("de")).await).as_deref(), Some("Los {{link}}"));
    assert_eq!(said(letter(world, &app, Some("en")).await), None);
    let other = world.app("other").await;
    world.sign_up(Some(&other), "alice").await;
    world.mails().await;
    assert_eq!(said(letter(world, &other, Some("de")).await), None);

    world.call("PUT", &path).json(&words("Weiter")).bearer(&app.api_key).send().await.ok();
    assert_eq!(said(letter(world, &app, Some("de")).await).as_deref(), Some("Weiter {{link}}"));
    world.delete(&path).bearer(&app.api_key).send().await.ok();
    world.delete(&path).bearer(&app.api_key).send().await.refused(404, "not_found");
    assert_eq!(said(letter(world, &app, Some("de")).await), None);
}

async fn a_template_that_is_none_is_refused(world: &World) {
    let app = world.app("acme").await;
    let base = format!("/v1/apps/{}/mail-templates", app.id);
    let good = words("Go");
    for (name, part, value) in [
        ("verify_email.en", "text", "no link"),
        ("verify_email.en", "html", "<p>no link</p>"),
        ("verify_email.en", "subject", "Follow {{link}}"),
        ("verify_email.en", "subject", "Hello\r\nBcc: eve@example.com"),
        ("verify_email.en", "subject", ""),
        ("verify_email.en", "text", "{{link}} {{organization}}"),
        ("verify_email.en", "text", "{{link}} {{#if x}}"),
        ("verify_email.en", "html", "<img src=\"{{link}}\">"),
        ("verify_email.en", "html", "{{link}}<script>alert(1)</script>"),
        ("already_signed_up.de", "text", "{{link}}"),
    ] {
        let mut bad = good.clone();
        bad[part] = json!(value);
        let told = world.call("PUT", &format!("{base}/{name}")).json(&bad).bearer(&app.api_key).send().await;
        told.refused(400, "invalid_template");
    }
    for name in ["verify_email.fr", "verify_email", "webhook_disabled.en", "verify_email.en.de", "verify_email.EN"] {
        let told = world.call("PUT", &format!("{base}/{name}")).json(&good).bearer(&app.api_key).send().await;
        told.refused(404, "not_found");
    }
    assert_eq!(world.get(&base).bearer(&app.api_key).send().await.ok(), &json!([]));
}

async fn templates_are_an_administrators_to_change(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}/mail-templates/verify_email.en", app.id);
    world.call("PUT", &path).json(&words("Go")).bearer(&app.api_key).send().await.ok();
    for role in [Role::Viewer, Role::Member] {
        let developer = world.sign_up(None, &format!("developer-{role}")).await;
        world.enroll(app.organization, &developer, role).await;
        world.get(&path).by(&developer).send().await.ok();
        world.call("PUT", &path).json(&words("Mine")).by(&developer).send().await.refused(403, "forbidden");
        world.delete(&path).by(&developer).send().await.refused(403, "forbidden");
    }
    let user = world.sign_up(Some(&app), "alice").await;
    world.call("PUT", &path).json(&words("Mine")).by(&user).send().await.refused(404, "not_found");
    let other = world.app("other").await;
    world.get(&path).bearer(&other.api_key).send().await.refused(404, "not_found");
    world.delete(&path).bearer(&other.api_key).send().await.refused(404, "not_found");
    assert_eq!(world.get(&path).bearer(&app.api_key).send().await.ok()["text"], "Go {{link}}");
}

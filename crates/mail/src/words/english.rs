//! English.

use platform::mailer::About;

use super::{Said, Words};
use crate::sender::one_line;

pub fn words(about: &About, sender: &str) -> Words {
    let (subject, opening, action, closing) = match about {
        About::VerifyEmail { .. } => (
            format!("Confirm your e-mail address for {sender}"),
            vec![format!(
                "This address was given to {sender}. If it was you, confirm that it is yours by following the link."
            )],
            "Confirm the address",
            vec!["The link works for a limited time.".to_owned(), "If it was not you, ignore this message.".to_owned()],
        ),
        About::ResetPassword { .. } => (
            format!("Choose a new password for {sender}"),
            vec![format!(
                "A new password was asked for, for your account at {sender}. If it was you, follow the link and choose \
                 one."
            )],
            "Choose a new password",
            vec![
                "The link works once, for a limited time.".to_owned(),
                "If it was not you, ignore this message: your password stays as it is.".to_owned(),
            ],
        ),
        About::AlreadySignedUp => (
            format!("You already have an account at {sender}"),
            vec![
                format!("Somebody signed up at {sender} with this address, which already has an account there."),
                "If it was you, sign in, or ask for a new password if you do not know yours any more.".to_owned(),
            ],
            "",
            vec!["If it was not you, ignore this message: nothing has changed.".to_owned()],
        ),
        About::Invitation { organization, .. } => {
            let organization = one_line(organization);
            (
                format!("Join {organization} at {sender}"),
                vec![format!("You are invited to join {organization} at {sender}.")],
                "Accept the invitation",
                vec![
                    "The link works once, for a limited time.".to_owned(),
                    "If you do not know what this is about, ignore this message: nothing happens then.".to_owned(),
                ],
            )
        }
        About::MagicLink { .. } => (
            format!("Sign in to {sender}"),
            vec![format!("You asked for a link to sign in to {sender}. Follow it on the device that you want to use.")],
            "Sign in",
            vec![
                "The link works once, for 15 minutes.".to_owned(),
                "If it was not you, ignore this message: nobody gets in without the link. Do not pass it on."
                    .to_owned(),
            ],
        ),
        About::EmailCode { code } => (
            format!("Your code for {sender}"),
            vec![format!("To sign in to {sender}, enter this code where you asked for it:"), code.clone()],
            "",
            vec![
                "The code works once, for 15 minutes. Tell it to nobody, whoever asks for it.".to_owned(),
                "If it was not you, ignore this message: nobody gets in without the code.".to_owned(),
            ],
        ),
        About::ChangeEmail { .. } => change_email(sender),
        About::EmailChanged { .. } => email_changed(sender),
        About::AddressLeft => address_left(sender),
        About::WebhookDisabled { organization, target } => webhook_disabled(organization, target, sender),
    };
    let instead = "If that does not work, copy this address to your browser:";
    Words { subject, opening, action, instead, closing }
}

fn change_email(sender: &str) -> Said {
    (
        format!("Confirm your new e-mail address for {sender}"),
        vec![format!(
            "Somebody who is signed in at {sender} wants to use this address for their account. If it was you, follow the \
                 link where you are signed in."
        )],
        "Use this address",
        vec![
            "The link works once, for an hour.".to_owned(),
            "If it was not you, ignore this message: nothing changes then. Do not pass the link on.".to_owned(),
        ],
    )
}

fn email_changed(sender: &str) -> Said {
    (
        format!("Your e-mail address for {sender} was changed"),
        vec![
            format!("Your account at {sender} has another e-mail address now. If it was you, there is nothing to do."),
            "If it was not you, somebody else is in your account. Take the change back: everybody is signed out, and \
                 you choose a new password."
                .to_owned(),
        ],
        "It was not me",
        vec!["The link works once, for three days.".to_owned()],
    )
}

fn address_left(sender: &str) -> Said {
    (
        format!("This e-mail address was taken off an account at {sender}"),
        vec![
            format!("An account at {sender} had this address, unconfirmed, and has another one now."),
            format!(
                "If it was you, or you know of no account at {sender}, there is nothing to do. If it is your account and it \
                 was not you, somebody else is in it: turn to {sender}."
            ),
        ],
        "",
        vec![],
    )
}

fn webhook_disabled(organization: &str, target: &str, sender: &str) -> Said {
    let organization = one_line(organization);
    (
        format!("A webhook of {organization} was switched off"),
        vec![
            format!(
                "What {sender} sent to {target} for {organization} does not arrive any more. So this webhook was \
                         switched off."
            ),
            "What has happened since waits. As soon as the receiver works again, switch the webhook on: then \
                     what waits is delivered."
                .to_owned(),
        ],
        "",
        vec![format!("You are told because you are an owner of {organization}.")],
    )
}

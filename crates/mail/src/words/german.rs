//! German.

use platform::mailer::About;

use super::{Said, Words};
use crate::sender::one_line;

pub fn words(about: &About, sender: &str) -> Words {
    let (subject, opening, action, closing) = match about {
        About::VerifyEmail { .. } => (
            format!("Bestätigen Sie Ihre E-Mail-Adresse für {sender}"),
            vec![format!(
                "Diese Adresse wurde bei {sender} angegeben. Wenn Sie das waren, bestätigen Sie über den Link, dass sie \
                 Ihnen gehört."
            )],
            "Adresse bestätigen",
            vec![
                "Der Link gilt für begrenzte Zeit.".to_owned(),
                "Wenn Sie es nicht waren, ignorieren Sie diese Nachricht.".to_owned(),
            ],
        ),
        About::ResetPassword { .. } => (
            format!("Wählen Sie ein neues Passwort für {sender}"),
            vec![format!(
                "Für Ihr Konto bei {sender} wurde ein neues Passwort angefordert. Wenn Sie das waren, folgen Sie dem Link \
                 und wählen Sie eines."
            )],
            "Neues Passwort wählen",
            vec![
                "Der Link gilt einmal und für begrenzte Zeit.".to_owned(),
                "Wenn Sie es nicht waren, ignorieren Sie diese Nachricht: Ihr Passwort bleibt, wie es ist.".to_owned(),
            ],
        ),
        About::AlreadySignedUp => (
            format!("Sie haben bereits ein Konto bei {sender}"),
            vec![
                format!("Jemand hat sich bei {sender} mit dieser Adresse registriert, die dort bereits ein Konto hat."),
                "Wenn Sie das waren, melden Sie sich an, oder fordern Sie ein neues Passwort an, wenn Sie Ihres nicht mehr \
                 wissen."
                    .to_owned(),
            ],
            "",
            vec!["Wenn Sie es nicht waren, ignorieren Sie diese Nachricht: Es hat sich nichts geändert.".to_owned()],
        ),
        About::Invitation { organization, .. } => {
            let organization = one_line(organization);
            (
                format!("Einladung zu {organization} bei {sender}"),
                vec![format!("Sie sind eingeladen, {organization} bei {sender} beizutreten.")],
                "Einladung annehmen",
                vec![
                    "Der Link gilt einmal und für begrenzte Zeit.".to_owned(),
                    "Wenn Sie nicht wissen, worum es geht, ignorieren Sie diese Nachricht: Dann geschieht nichts."
                        .to_owned(),
                ],
            )
        }
        About::MagicLink { .. } => (
            format!("Anmelden bei {sender}"),
            vec![format!(
                "Für Sie wurde ein Link angefordert, mit dem Sie sich bei {sender} anmelden. Folgen Sie ihm auf dem Gerät, das \
                 Sie benutzen wollen."
            )],
            "Anmelden",
            vec![
                "Der Link gilt einmal, 15 Minuten lang.".to_owned(),
                "Wenn Sie es nicht waren, ignorieren Sie diese Nachricht: Ohne den Link kommt niemand hinein. Geben Sie ihn \
                 nicht weiter."
                    .to_owned(),
            ],
        ),
        About::EmailCode { code } => (
            format!("Ihr Code für {sender}"),
            vec![
                format!("Um sich bei {sender} anzumelden, geben Sie diesen Code dort ein, wo Sie ihn angefordert haben:"),
                code.clone(),
            ],
            "",
            vec![
                "Der Code gilt einmal, 15 Minuten lang. Nennen Sie ihn niemandem, wer auch immer danach fragt.".to_owned(),
                "Wenn Sie es nicht waren, ignorieren Sie diese Nachricht: Ohne den Code kommt niemand hinein.".to_owned(),
            ],
        ),
        About::ChangeEmail { .. } => change_email(sender),
        About::EmailChanged { .. } => email_changed(sender),
        About::AddressLeft => address_left(sender),
        About::WebhookDisabled { organization, target } => webhook_disabled(organization, target, sender),
    };
    let instead = "Wenn das nicht geht, kopieren Sie diese Adresse in Ihren Browser:";
    Words { subject, opening, action, instead, closing }
}

fn change_email(sender: &str) -> Said {
    (
            format!("Bestätigen Sie Ihre neue E-Mail-Adresse für {sender}"),
            vec![format!(
                "Jemand, der bei {sender} angemeldet ist, möchte diese Adresse für sein Konto verwenden. Wenn Sie es sind, \
                 folgen Sie dem Link dort, wo Sie angemeldet sind."
            )],
            "Diese Adresse verwenden",
            vec![
                "Der Link gilt einmal und eine Stunde lang.".to_owned(),
                "Wenn Sie es nicht sind, ignorieren Sie diese Nachricht: Dann ändert sich nichts. Geben Sie den Link nicht \
                 weiter."
                    .to_owned(),
            ],
        )
}

fn email_changed(sender: &str) -> Said {
    (
            format!("Ihre E-Mail-Adresse für {sender} wurde geändert"),
            vec![
                format!("Ihr Konto bei {sender} hat jetzt eine andere E-Mail-Adresse. Wenn Sie das waren, ist nichts zu tun."),
                "Wenn Sie es nicht waren, ist jemand anderes in Ihrem Konto. Machen Sie die Änderung rückgängig: Alle werden \
                 abgemeldet, und Sie wählen ein neues Passwort."
                    .to_owned(),
            ],
            "Das war ich nicht",
            vec!["Der Link gilt einmal und drei Tage lang.".to_owned()],
        )
}

fn address_left(sender: &str) -> Said {
    (
        format!("Diese E-Mail-Adresse gehört zu keinem Konto bei {sender} mehr"),
        vec![
            format!("Ein Konto bei {sender} hatte diese Adresse, unbestätigt, und hat jetzt eine andere."),
            format!(
                "Wenn Sie das waren, oder wenn Sie von keinem Konto bei {sender} wissen, ist nichts zu tun. Wenn es Ihr Konto \
                 ist und Sie es nicht waren, ist jemand anderes darin: Wenden Sie sich an {sender}."
            ),
        ],
        "",
        vec![],
    )
}

fn webhook_disabled(organization: &str, target: &str, sender: &str) -> Said {
    let organization = one_line(organization);
    (
        format!("Ein Webhook von {organization} wurde abgeschaltet"),
        vec![
            format!(
                "Was {sender} für {organization} an {target} gesendet hat, kommt nicht mehr an. Deshalb \
                         wurde dieser Webhook abgeschaltet."
            ),
            "Was seither geschehen ist, wartet. Schalten Sie den Webhook wieder ein, sobald der Empfänger wieder \
                     arbeitet: Dann wird zugestellt, was wartet."
                .to_owned(),
        ],
        "",
        vec![format!("Sie erhalten diese Nachricht, weil {organization} Ihnen gehört.")],
    )
}

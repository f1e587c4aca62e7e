# What the pages say that Fabric shows itself. Which sentences there are stands in crates/http/src/page_words.rs; a test compares.

page-failed = Das hat nicht geklappt
page-continue = Weiter
page-new-password = Neues Passwort
page-choose-password = Neues Passwort wählen
page-set-password = Passwort setzen
page-password-set = Das Passwort ist gesetzt
page-sign-in-with-it = Sie können sich jetzt damit anmelden.
page-confirm-address = E-Mail-Adresse bestätigen
page-confirm = Bestätigen
page-confirmed = Bestätigt
page-address-confirmed = Ihre E-Mail-Adresse ist bestätigt.
page-no-site = Es gibt keine Seite, auf der es weitergeht
page-no-site-for-address = Wer diese App betreibt, muss zuerst ihre Seite nennen: Dort bestätigt die Adresse, wer angemeldet ist.
page-no-site-for-link = Wer diese App betreibt, muss zuerst ihre Seite nennen. Melden Sie sich bis dahin auf andere Weise an.
page-not-you = Haben nicht Sie Ihre E-Mail-Adresse geändert?
page-take-back = Änderung zurücknehmen und alle abmelden
page-taken-back = Die Änderung ist zurückgenommen
page-former-address = Das Konto hat wieder seine frühere Adresse. Niemand ist mehr angemeldet, und was es bisher geöffnet hat, öffnet es nicht mehr: Wir haben Ihnen einen Link geschickt, mit dem Sie ein neues Passwort wählen.
page-sign-in = Anmelden
page-accept-invitation = Einladung annehmen
page-accept = Annehmen
page-accepted = Angenommen
page-member = Sie sind jetzt Mitglied.

# What the pages say that Fabric shows itself. Which sentences there are stands in crates/http/src/page_words.rs; a test compares.

page-failed = That did not work
page-continue = Continue
page-new-password = New password
page-choose-password = Choose a new password
page-set-password = Set password
page-password-set = The password is set
page-sign-in-with-it = You can sign in with it now.
page-confirm-address = Confirm your e-mail address
page-confirm = Confirm
page-confirmed = Confirmed
page-address-confirmed = Your e-mail address is confirmed.
page-no-site = There is no page to go on to
page-no-site-for-address = Whoever runs this app has to name its site first: the address is confirmed there, by who is signed in.
page-no-site-for-link = Whoever runs this app has to name its site first. Until then, sign in another way.
page-not-you = Was it not you who changed your e-mail address?
page-take-back = Take the change back and sign everybody out
page-taken-back = The change is taken back
page-former-address = The account has its former address again. Nobody is signed in any more, and what opened it before does not: we have sent you a link to choose a new password.
page-sign-in = Sign in
page-accept-invitation = Accept the invitation
page-accept = Accept
page-accepted = Accepted
page-member = You are a member now.

DROP TABLE sealing_keys, revoked_tokens, mail_queue, events, signing_secrets, memberships, api_keys, links, lockouts,
    one_time_tokens, refresh_tokens, sessions, accounts, client_secrets, app_origins, organizations, apps, principals;

// What a page needs to sign people in with passkeys. The guide is docs/passkeys.md.
export function passkeys(fabric, app) {
  async function post(path, body, token) {
    const headers = { "content-type": "application/json", "x-fabric-app-id": app };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch(fabric + path, { method: "POST", headers, body: JSON.stringify(body) });
    const { data, error } = await response.json();
    if (error) throw Object.assign(new Error(error.message), { name: error.code });
    return data;
  }

  /** Adds a passkey to the account of whoever has this access token. */
  async function register(token, name) {
    const { challenge_id, public_key } = await post("/v1/me/passkeys/challenge", {}, token);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(public_key);
    const credential = await navigator.credentials.create({ publicKey });
    return post("/v1/me/passkeys", { challenge_id, credential: credential.toJSON(), name }, token);
  }

  let waiting = new AbortController();

  /** Signs in: whoever has this address, or, without one, with whichever passkey the person chooses. */
  async function signIn(email, mediation) {
    // One ceremony at a time: what waits in the autofill makes room.
    waiting.abort();
    const { signal } = (waiting = new AbortController());
    const { challenge_id, public_key } = await post("/v1/auth/passkey/challenge", email ? { email } : {});
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(public_key);
    const credential = await navigator.credentials.get({ publicKey, mediation, signal });
    return post("/v1/auth/passkey", { challenge_id, credential: credential.toJSON() });
  }

  /** Offers passkeys among what the browser fills in for <input autocomplete="username webauthn">. */
  async function offer() {
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) return signIn(undefined, "conditional");
  }

  return { register, signIn, offer };
}

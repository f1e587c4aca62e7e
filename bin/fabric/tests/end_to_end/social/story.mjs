// A real provider of OpenID Connect, a browser that follows redirects and fills in forms, and an app or the
// platform's own pages: between them Fabric.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const told = JSON.parse(readFileSync(process.argv[2], "utf8"));
// What the server has, too.
const {
  FABRIC_OIDC_ISSUER: issuer,
  FABRIC_OIDC_CLIENT_ID: client_id,
  FABRIC_OIDC_CLIENT_SECRET: client_secret,
  AUTH_CALLBACK_REDIRECT_URL: consolePage,
} = process.env;

/** An app, with a provider that it has named itself. */
const shop = {
  provider: "acme",
  callback: `${told.fabric}/v1/auth/callback/${told.appId}/acme`,
  back: "https://shop.example/back",
  query: { client_id: told.clientId },
  headers: { "x-fabric-app-id": told.clientId },
  appId: told.appId,
};

/** The platform itself, with the provider of the environment: no app is named anywhere. */
const platform = {
  provider: "oidc",
  callback: `${told.fabric}/v1/auth/callback/oidc`,
  back: consolePage,
  query: {},
  headers: {},
  appId: null,
};

const people = {
  alice: { email: "alice@example.com", email_verified: true, name: "Alice" },
  bob: { email: "bob@example.com", email_verified: true, name: "Bob" },
  carol: { email: "carol@example.com", email_verified: false, name: "Carol" },
};

async function json(method, path, body, headers = {}) {
  const answer = await fetch(told.fabric + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, ...(await answer.json()) };
}

const byKey = { authorization: `Bearer ${told.apiKey}` };

async function provider() {
  const server = createServer();
  const { hostname, port } = new URL(issuer);
  await new Promise((done) => server.listen(Number(port), hostname, done));
  const oidc = new Provider(issuer, {
    clients: [{ client_id, client_secret, redirect_uris: [shop.callback, platform.callback] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    pkce: { required: () => true },
    cookies: { keys: [randomBytes(16).toString("hex")] },
  });
  server.on("request", oidc.callback());
  return server;
}

/** Keeps cookies by origin and path, follows redirects, and fills in the provider's forms as somebody. */
class Browser {
  #jar = [];

  async #fetch(url, form) {
    const { origin, pathname } = new URL(url);
    const fits = (cookie) => cookie.origin === origin && pathname.startsWith(cookie.path);
    const cookie = this.#jar.filter(fits).map(({ name, value }) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, {
      method: form ? "POST" : "GET",
      body: form && new URLSearchParams(form),
      redirect: "manual",
      headers: cookie ? { cookie } : {},
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(";").map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      const path = attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? "/";
      this.#jar = this.#jar.filter((kept) => !(kept.origin === origin && kept.name === name && kept.path === path));
      if (value !== "") this.#jar.push({ origin, name, value, path });
    }
    return answer;
  }

  /** Where it ends up, below an address outside of what there is here. */
  async visit(url, back, login, declines = false) {
    let form;
    for (let step = 0; step < 20; step += 1) {
      const answer = await this.#fetch(url, form);
      const location = answer.headers.get("location");
      form = undefined;
      if (location) {
        await answer.arrayBuffer();
        url = new URL(location, url).href;
        if (url.startsWith(back)) return new URL(url);
        continue;
      }
      const page = await answer.text();
      assert.equal(answer.status, 200, `${url}: ${page}`);
      const action = new URL(/action="([^"]+)"/.exec(page)[1], url).href;
      const prompt = /name="prompt" value="([^"]+)"/.exec(page)[1];
      if (declines) {
        url = `${action}/abort`;
      } else {
        url = action;
        form = prompt === "login" ? { prompt, login, password: "x" } : { prompt };
      }
    }
    throw new Error(`no end: ${url}`);
  }
}

/** The whole way, as the guide has it. */
async function signIn({ provider, back, query, headers }, browser, login, declines) {
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const asked = new URLSearchParams({
    ...query,
    redirect_uri: back,
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const there = `${told.fabric}/v1/auth/social/${provider}?${asked}`;
  const { searchParams } = await browser.visit(there, back, login, declines);
  assert.equal(searchParams.get("state"), state);
  if (!searchParams.has("code")) return { refused: searchParams.get("error") };
  const body = { code: searchParams.get("code"), code_verifier: verifier, redirect_uri: back };
  const answer = await json("POST", "/v1/auth/social/token", body, headers);
  // Once.
  assert.equal((await json("POST", "/v1/auth/social/token", body, headers)).error.code, "invalid_grant");
  return answer;
}

/** Whose account is whose, at an app or at the platform. Tells Alice's id there. */
async function everybodyComes(where) {
  // Somebody new; and the same one again, in the browser that knows them and in another.
  const browser = new Browser();
  const first = await signIn(where, browser, "alice");
  assert.equal(first.data.user.email, "alice@example.com");
  assert.equal(first.data.user.email_verified, true);
  assert.equal((await signIn(where, browser, "alice")).data.user.id, first.data.user.id);
  assert.equal((await signIn(where, new Browser(), "alice")).data.user.id, first.data.user.id);
  const me = await json("GET", "/v1/me", undefined, { authorization: `Bearer ${first.data.access_token}` });
  assert.equal(me.data.display_name, "Alice");
  assert.equal(me.data.app_id ?? null, where.appId);

  // Somebody who has an account with a password, whose address the provider has proven.
  const signUp = (email) => json("POST", "/v1/auth/signup", { email, password: told.password }, where.headers);
  const bob = await signUp("bob@example.com");
  assert.equal((await signIn(where, new Browser(), "bob")).data.user.id, bob.data.user.id);

  // And somebody whose address it has not.
  await signUp("carol@example.com");
  assert.equal((await signIn(where, new Browser(), "carol")).error.code, "email_not_verified");

  // Somebody who thinks better of it.
  assert.deepEqual(await signIn(where, new Browser(), "alice", true), { refused: "access_denied" });
  return first.data.user.id;
}

const server = await provider();
try {
  const app = `/v1/apps/${told.appId}`;
  assert.equal((await json("PATCH", app, { redirect_urls: [shop.back] }, byKey)).status, 200);
  const named = await json(
    "PUT",
    `${app}/social-providers/acme`,
    { kind: "oidc", issuer, client_id, client_secret },
    byKey,
  );
  assert.equal(named.data.callback_url, shop.callback);

  // One person, with an account at each.
  assert.equal(await everybodyComes(shop), await everybodyComes(platform));

  // Where the app wants a second factor, the provider's word is not enough.
  await json("PATCH", app, { mfa: "required" }, byKey);
  const asked = await signIn(shop, new Browser(), "alice");
  assert.equal(asked.error.code, "mfa_enrollment_required");
  assert.ok(asked.error.details.challenge_token);
} finally {
  server.close();
  server.closeAllConnections();
}

// Drives Chromium with its virtual authenticator through the page of the guide.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const { fabric, app, person, chromium: executablePath } = JSON.parse(readFileSync(process.argv[2], "utf8"));

// The app's page: the guide's, with this server and this app in it.
const files = { "/": ["passkeys.html", "text/html"], "/passkeys.js": ["passkeys.js", "text/javascript"] };
const site = createServer((request, response) => {
  const [file, type] = files[request.url] ?? [];
  if (!file) return response.writeHead(404).end();
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  const filled = text.replace("https://id.example.com", fabric).replace("foc_your_app", app.client_id);
  response.writeHead(200, { "content-type": type }).end(filled);
});
await new Promise((listening) => site.listen(0, "localhost", listening));
const origin = `http://localhost:${site.address().port}`;

async function call(method, path, token, body) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const response = await fetch(fabric + path, { method, headers, body: body && JSON.stringify(body) });
  const { data, error } = await response.json();
  assert.equal(error, undefined, `${method} ${path}: ${JSON.stringify(error)}`);
  return data;
}
const settings = { allowed_origins: [origin], passkeys: { enabled: true, rp_id: "localhost", origins: [origin] } };
await call("PATCH", `/v1/apps/${app.id}`, app.api_key, settings);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.log("the page:", error.message));
  page.on("console", (message) => console.log("the page:", message.text()));
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    ctap2Version: "ctap2_1",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  const held = async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  const verified = (isUserVerified) => devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  const told = async (text) => {
    const there = (wanted) => document.getElementById("told").textContent === wanted;
    await page.waitForFunction(there, text, { timeout: 15_000 }).catch(async () => {
      assert.equal(await page.textContent("#told"), text);
    });
    await page.evaluate(() => (document.getElementById("told").textContent = ""));
  };
  const hello = `Hello ${person.user.email}`;
  const signIn = async (email) => {
    await page.fill("#email", email);
    await page.click("#sign-in");
  };

  // Whoever is signed in adds a passkey; a second one on the same device is none.
  await page.goto(origin);
  await page.evaluate((answer) => window.signedIn(answer), person);
  await told(hello);
  await page.click("#register");
  await told("Added My laptop");
  const [passkey, ...others] = await held();
  assert.equal(others.length, 0);
  assert.equal(passkey.isResidentCredential, true);
  assert.equal(passkey.rpId, "localhost");
  await page.click("#register");
  await told("InvalidStateError");
  const [listed] = await call("GET", "/v1/me/passkeys", person.access_token);
  assert.deepEqual([listed.name, listed.rp_id, listed.transports], ["My laptop", "localhost", ["internal"]]);
  assert.match(listed.aaguid, /^[0-9a-f-]{36}$/);

  // They sign in with it: by what the browser fills in, without a name, and by their address. The authenticator chooses in
  // the autofill by itself.
  await page.goto(origin);
  await told(hello);
  for (const email of ["", person.user.email]) {
    await signIn(email);
    await told(hello);
  }
  const [used] = await call("GET", "/v1/me/passkeys", person.access_token);
  assert.notEqual(used.last_used_at, null);
  // For an address that has none, the browser finds none, and says no more than that.
  await signIn("nobody@example.com");
  await told("NotAllowedError");
  // Whoever holds the device, and is not its owner.
  await verified(false);
  await signIn("");
  await told("NotAllowedError");
  await verified(true);

  // Attack 7: a copy of it counts on from where it was copied.
  const [now] = await held();
  await devtools.send("WebAuthn.removeCredential", { authenticatorId, credentialId: now.credentialId });
  await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: { ...now, signCount: 1 } });
  await signIn("");
  await told("passkey_authentication_failed");
  const audit = await call("GET", `/v1/audit-logs?app_id=${app.id}`, app.api_key);
  assert.equal(audit.filter((entry) => entry.action === "auth.passkey_suspect").length, 1, JSON.stringify(audit[0]));
} finally {
  await browser.close();
  site.close();
}

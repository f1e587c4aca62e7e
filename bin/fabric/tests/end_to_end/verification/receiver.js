// Verifies deliveries as receivers in Node.js do: with the published verifier, and with the sample of the guide.

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const [mode, path, compiled] = process.argv.slice(2);
const sample = require(compiled);
const now = Date.now;

/** Whether both take it as Standard Webhooks says; they have to agree. */
function takes(body, headers, secret) {
  const taken = sample.isGenuineAndNew(body, headers, secret);
  try {
    const event = new Webhook(secret).verify(body, headers);
    assert(taken && event.kind === "team.created" && event.event === "team.created");
    return true;
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    assert(!taken);
    return false;
  }
}

function later(minutes, look) {
  Date.now = () => now() + minutes * 60_000;
  try {
    look();
  } finally {
    Date.now = now;
  }
}

function accept(body, { headers, secret, previous }) {
  assert(takes(body, headers, secret));
  assert(sample.isGenuine(body, headers["x-fabric-signature"], secret));
  if (previous !== null) {
    assert(takes(body, headers, previous));
    assert(sample.isGenuine(body, headers["x-fabric-signature-previous"], previous));
  }
  later(4, () => assert(takes(body, headers, secret)));
}

function attack(body, { headers, secret, previous, dead }) {
  for (const known of [secret, previous].filter((known) => known !== null)) {
    // Whoever has recorded it sends it once more, and as if it were new.
    later(6, () => {
      assert(!takes(body, headers, known));
      const sent = Math.floor(Date.now() / 1000).toString();
      assert(!takes(body, { ...headers, "webhook-timestamp": sent }, known));
    });
    assert(!takes(body, { ...headers, "webhook-id": "00000000-0000-0000-0000-000000000000" }, known));
    for (const position of [1, body.length >> 1, body.length - 2]) {
      const forged = Buffer.from(body);
      forged[position] ^= 1;
      assert(!takes(forged, headers, known));
      assert(!sample.isGenuine(forged, headers["x-fabric-signature"], known));
    }
  }
  for (const known of dead) {
    assert(!takes(body, headers, known));
    assert(!sample.isGenuine(body, headers["x-fabric-signature"], known));
  }
}

const deliveries = JSON.parse(readFileSync(path, "utf8"));
assert.equal(deliveries.length, 3);
for (const delivery of deliveries) {
  ({ accept, attack })[mode](Buffer.from(delivery.body), delivery);
}

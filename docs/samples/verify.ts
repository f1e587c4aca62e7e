import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE = 5 * 60;

/** Whether X-Fabric-Signature is by this secret. */
export function isGenuine(body: Buffer, signature: string, secret: string): boolean {
  return equal("sha256=" + createHmac("sha256", secret).update(body).digest("hex"), signature);
}

/** Whether a signature of Standard Webhooks is by this secret, and not older than five minutes. */
export function isGenuineAndNew(body: Buffer, headers: Record<string, string>, secret: string): boolean {
  const sent = headers["webhook-timestamp"];
  if (!/^\d+$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > TOLERANCE) {
    return false;
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const code = createHmac("sha256", key).update(`${headers["webhook-id"]}.${sent}.`).update(body).digest("base64");
  return headers["webhook-signature"].split(" ").some((given) => equal("v1," + code, given));
}

function equal(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}

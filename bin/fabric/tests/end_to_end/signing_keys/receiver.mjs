// Takes what it should take and nothing else, with the sample of the guide and a library that others publish.
import { readFileSync } from "node:fs";
import { verifier } from "./verify_token.mjs";

const { issuer, clientId, algorithms, good, bad } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const verify = verifier({ issuer, clientId, algorithms });
for (const token of good) {
  const claims = await verify(token);
  if (claims.iss !== issuer || !claims.sub) throw new Error(`odd claims: ${JSON.stringify(claims)}`);
}
for (const token of bad) {
  const taken = await verify(token).then(() => true, () => false);
  if (taken) throw new Error(`taken: ${token}`);
}

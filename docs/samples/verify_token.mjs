// Verifies access tokens of Fabric by its public keys: `const verify = verifier({ issuer, clientId })`.
//
// A good signature does not tell that the token still counts: see docs/signing-keys.md, "What you cannot know".
import { createRemoteJWKSet, jwtVerify } from "jose";

export function verifier({ issuer, clientId, algorithms = ["EdDSA"] }) {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", issuer));
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms,
      typ: "at+jwt",
      clockTolerance: 5,
      requiredClaims: ["sub", "exp", "iat", "jti", "kind"],
    });
    return payload;
  };
}

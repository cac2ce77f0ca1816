// An OpenID provider on loopback, as others wrote it: one client, anybody may log in, ends with its standard input.
// Arguments: port, the client's redirect address, "id_token" or "userinfo": where it says the mail address.
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const [port, redirect, where] = process.argv.slice(2);
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id: "badgewright",
    client_secret: "a secret for tests, and nothing else",
    redirect_uris: [redirect],
    grant_types: ["authorization_code"],
    response_types: ["code"],
  }],
  jwks: { keys: [{ ...key, kid: "one", use: "sig", alg: "RS256" }] },
  cookies: { keys: ["for tests"] },
  pkce: { required: () => true },
  conformIdTokenClaims: where === "userinfo",
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: id, email_verified: !id.startsWith("unverified") }),
  }),
});

const server = provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
process.stdin.resume();
process.stdin.on("end", () => server.close(() => process.exit(0)));

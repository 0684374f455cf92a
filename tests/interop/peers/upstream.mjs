// node-oidc-provider as the provider that people sign in through: RS256 ID tokens, PKCE required, claims at userinfo.
// usage: node upstream.mjs PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI METHOD
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, clientId, clientSecret, redirectUri, method] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, use: "sig", alg: "RS256", kid: "one" }] },
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      token_endpoint_auth_method: method,
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  cookies: { keys: ["a key for these tests"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: `${id} at work`, email: `${id}@example.com`, email_verified: true }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => process.stderr.write(`ready ${issuer}\n`));

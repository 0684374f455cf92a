// node-oidc-provider for machines: one client (client_secret_basic), any resource (RFC 8707), JWT access tokens (RFC 9068).
// usage: node foreign_issuer.mjs PORT CLIENT_ID CLIENT_SECRET SCOPES; a word on stdout when it listens.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, clientId, clientSecret, scopes] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, use: "sig", alg: "ES256", kid: "foreign" }] },
  scopes: scopes.split(" "),
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: scopes,
      id_token_signed_response_alg: "ES256",
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, indicator) => ({
        scope: scopes,
        audience: indicator,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "ES256" } },
      }),
      useGrantedResource: () => true,
    },
  },
});
provider.listen(Number(port), "127.0.0.1", () => process.stdout.write("listening\n"));

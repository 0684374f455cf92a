// node-oidc-provider as a machine-to-machine authorization server: the same work per request as ours.
// One client (client_secret_basic), one resource (RFC 8707), JWT access tokens (RFC 9068) signed with ES256.
// usage: node provider.mjs PORT CLIENT_ID CLIENT_SECRET RESOURCE
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, clientId, clientSecret, resource] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, use: "sig", alg: "ES256", kid: "bench" }] },
  scopes: ["mcp:read"],
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: "mcp:read",
      id_token_signed_response_alg: "ES256",
    },
  ],
  ttl: { ClientCredentials: 300 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, indicator) => ({
        scope: "mcp:read",
        audience: indicator,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "ES256" } },
      }),
      useGrantedResource: () => true,
    },
  },
});

// One line a decision, as ours writes.
provider.on("grant.success", ({ oidc }) => {
  const { resource, scope } = oidc.params;
  const line = { outcome: "issued", client: oidc.client.clientId, resource, scope, time: new Date() };
  process.stderr.write(`${JSON.stringify(line)}\n`);
});

provider.listen(Number(port), "127.0.0.1", () => process.stderr.write(`ready ${issuer} for ${resource}\n`));

// An MCP server of the TypeScript SDK behind the SDK's own bearer middleware; jose verifies the tokens of ISSUER.
// usage: node foreign_server.mjs PORT ISSUER; a word on stdout when it listens.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [port, issuer] = process.argv.slice(2);
const resource = new URL(`http://localhost:${port}/mcp`);
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

const verifier = {
  async verifyAccessToken(token) {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience: resource.href, typ: "at+jwt" });
      const scopes = (payload.scope ?? "").split(" ");
      return { token, clientId: payload.client_id, scopes, expiresAt: payload.exp, resource: new URL(payload.aud) };
    } catch (error) {
      throw new InvalidTokenError(error.code);
    }
  },
};

const app = createMcpExpressApp();
app.use(mcpAuthMetadataRouter({ oauthMetadata: metadata, resourceServerUrl: resource, scopesSupported: ["tides:read"] }));
const door = requireBearerAuth({
  verifier,
  requiredScopes: ["tides:read"],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  expectedResource: resource,
});
app.post("/mcp", door, async (request, response) => {
  const server = new McpServer({ name: "tides", version: "1" });
  server.registerTool("next_tide", { description: "When the tide comes" }, (extra) => ({
    content: [{ type: "text", text: `at six, ${extra.authInfo.clientId}` }],
  }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  response.on("close", () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.all("/mcp", (_request, response) => void response.sendStatus(405));
app.listen(Number(port), "127.0.0.1", () => process.stdout.write("listening\n"));

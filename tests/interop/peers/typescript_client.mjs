// The TypeScript SDK's client as its documentation has it: connect, be refused, send the person away, come back, call.
// usage: node typescript_client.mjs sdk|client MODE URL DOCUMENT|- REDIRECT_URI TOOL ARGUMENTS [TOOL ARGUMENTS]...
// GRANTS: the grant types it registers for. stderr: the addresses to open; stdout: one line of JSON per call.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";

const [edition, mode, url, document, redirectUrl, ...calls] = process.argv.slice(2);

async function library() {
  if (edition === "client") return import("@modelcontextprotocol/client");
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { UnauthorizedError } = await import("@modelcontextprotocol/sdk/client/auth.js");
  return { Client, StreamableHTTPClientTransport, UnauthorizedError };
}

const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await library();
let heard, state;
const listener = createServer((request, response) => {
  response.end("You may close this window.");
  heard?.(new URL(request.url, redirectUrl).searchParams);
});
await new Promise((ready) => listener.listen(Number(new URL(redirectUrl).port), "127.0.0.1", ready));

const kept = {};
let coming;
const provider = {
  redirectUrl,
  clientMetadata: {
    client_name: `TypeScript ${edition}`,
    redirect_uris: [redirectUrl],
    grant_types: (process.env.GRANTS ?? "authorization_code refresh_token").split(" "),
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  ...(document === "-" ? {} : { clientMetadataUrl: document }),
  state: () => (state = randomBytes(16).toString("hex")),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  saveDiscoveryState: (found) => void (kept.discovery = found),
  discoveryState: () => kept.discovery,
  redirectToAuthorization: (where) => {
    coming = new Promise((resolve) => (heard = resolve));
    process.stderr.write(`open ${where}\n`);
  },
};

async function connected() {
  const options = edition === "client" ? { versionNegotiation: { mode: mode.startsWith("2") ? { pin: mode } : mode } } : {};
  const client = new Client({ name: "interop", version: "1" }, options);
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  return { client, transport };
}

// As often as the person is sent away: to sign in, and again to allow more.
async function patiently(transport, work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const told = await coming;
    if (told.get("state") !== state) throw new Error("not our state");
    await transport.finishAuth(edition === "client" ? told : told.get("code"));
    return undefined;
  }
}

async function reached() {
  for (;;) {
    const { client, transport } = await connected();
    if ((await patiently(transport, async () => (await client.connect(transport), true))) === true)
      return { client, transport };
  }
}

const { client, transport } = await reached();
for (let at = 0; at < calls.length; at += 2) {
  const asked = { name: calls[at], arguments: JSON.parse(calls[at + 1]) };
  let result;
  while (result === undefined) result = await patiently(transport, () => client.callTool(asked));
  process.stdout.write(`${JSON.stringify({ result, client: kept.client.client_id, scope: kept.tokens.scope })}\n`);
}
await client.close();
listener.close();
process.exit(0);

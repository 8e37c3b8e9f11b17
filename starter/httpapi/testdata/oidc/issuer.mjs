// A real OpenID Connect issuer for the tests: node issuer.mjs <port>. It writes one line of JSON when it listens: its
// URL, and its own private key, so that a test can make tokens that are wrong in one point only.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const key = {
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }),
  kid: randomUUID(),
  use: "sig",
  alg: "RS256",
};

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  cookies: { keys: [randomUUID()] },
  clients: [
    {
      client_id: "ana-laptop",
      client_secret: "only-for-tests",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: "requests",
        audience: resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  extraTokenClaims: () => ({ employee: "ana", realm: { roles: ["auditor"] } }),
});

const { version } = JSON.parse(readFileSync(new URL("./node_modules/oidc-provider/package.json", import.meta.url)));
provider.listen(port, "127.0.0.1", () => {
  console.log(JSON.stringify({ issuer, version, key }));
});

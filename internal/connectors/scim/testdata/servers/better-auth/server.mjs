// better-auth's SCIM plugin over its in-memory adapter; nothing of SCIM is written here.
// usage: node server.mjs PORT TOKEN; it ends when its standard input does, so it never outlives a killed test.
import http from "node:http";
import { scim } from "@better-auth/scim";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { getAuthTables } from "better-auth/db";
import { toNodeHandler } from "better-auth/node";

const port = Number(process.argv[2]);
const token = process.argv[3];

const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: "a secret that signs nothing in this test server",
  emailAndPassword: { enabled: true },
  plugins: [scim({ connections: [{ id: "usher", credentials: [{ type: "bearer", id: "test", token }] }] })],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
};

const tables = Object.entries(getAuthTables(options)).map(([key, table]) => [table.modelName ?? key, []]);
const auth = betterAuth({ ...options, database: memoryAdapter(Object.fromEntries(tables)) });
http.createServer(toNodeHandler(auth)).listen(port, "127.0.0.1");

process.stdin.on("end", () => process.exit()).resume();

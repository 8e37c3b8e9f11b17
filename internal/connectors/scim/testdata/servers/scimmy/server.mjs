// A SCIM server made of scimmy and scimmy-routers; only the storage (maps) is written here.
// usage: node server.mjs PORT TOKEN; it ends when its standard input does, so it never outlives a killed test.
import express from "express";
import { randomUUID } from "node:crypto";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const port = Number(process.argv[2]);
const token = process.argv[3];

const refuse = (status, type, text) => {
  throw new SCIMMY.Types.Error(status, type, text);
};

// keep stores one kind of resource; `unique` names the attribute that no two records may share.
const keep = (resource, unique) => {
  const records = new Map();
  const get = (id) => records.get(id) ?? refuse(404, null, `Resource ${id} not found`);
  const folded = (record) => String(record[unique]).toLowerCase();

  SCIMMY.Resources.declare(resource)
    .ingress((request, data) => {
      const before = request.id ? get(request.id) : undefined;
      const id = before?.id ?? randomUUID();
      for (const other of records.values()) {
        if (other.id !== id && folded(other) === folded(data)) refuse(409, "uniqueness", `${unique} is taken`);
      }
      const now = new Date().toISOString();
      const record = JSON.parse(JSON.stringify(data));
      record.id = id;
      record.meta = { resourceType: resource.name, created: before?.meta.created ?? now, lastModified: now };
      records.set(id, record);
      return record;
    })
    .egress((request) => {
      if (request.id) return get(request.id);
      const all = [...records.values()];
      return request.filter ? request.filter.match(all) : all;
    })
    .degress((request) => void records.delete(get(request.id).id));
};

keep(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false), "userName");
keep(SCIMMY.Resources.Group, "displayName");

const authenticate = (request) => {
  if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("bad token");
  return "client";
};

express()
  .use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler: authenticate }))
  .listen(port, "127.0.0.1");

process.stdin.on("end", () => process.exit()).resume();

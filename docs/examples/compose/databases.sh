#!/bin/sh
# Runs once, when PostgreSQL's volume is new: a user for Temporal, which makes its own databases, and the ledger's
# database with one user that owns it and only migrates, one that writes it (the worker) and one that reads it (the API). What the
# two may do is granted by `usher-worker migrate`.
set -eu

password() { cat "/run/secrets/$1"; }

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -v temporal="$(password temporal-password)" \
  -v owner="$(password ledger-owner-password)" \
  -v writer="$(password ledger-password)" \
  -v reader="$(password ledger-read-password)" <<'SQL'
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
CREATE ROLE usher_owner LOGIN PASSWORD :'owner';
CREATE ROLE usher_worker LOGIN PASSWORD :'writer';
CREATE ROLE usher_api LOGIN PASSWORD :'reader';
CREATE DATABASE usher OWNER usher_owner;
REVOKE ALL ON DATABASE usher FROM PUBLIC;
GRANT CONNECT ON DATABASE usher TO usher_worker, usher_api;
SQL

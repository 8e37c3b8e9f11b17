#!/bin/sh
# Runs once, when PostgreSQL's volume is new: a user for Temporal, which makes its own databases, and the ledger's
# database with one user that writes it (the worker) and one that reads it (the API).
set -eu

password() { cat "/run/secrets/$1"; }

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -v temporal="$(password temporal-password)" \
  -v writer="$(password ledger-password)" \
  -v reader="$(password ledger-read-password)" <<'SQL'
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
CREATE ROLE usher LOGIN PASSWORD :'writer';
CREATE ROLE usher_read LOGIN PASSWORD :'reader';
CREATE DATABASE usher OWNER usher;
REVOKE CONNECT ON DATABASE usher FROM PUBLIC;
GRANT CONNECT ON DATABASE usher TO usher_read;
\connect usher
ALTER DEFAULT PRIVILEGES FOR ROLE usher IN SCHEMA public GRANT SELECT ON TABLES TO usher_read;
SQL

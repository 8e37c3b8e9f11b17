#!/bin/sh
# Brings the two databases of Temporal to the schema of this version; safe to repeat.
set -eu
SQL_PASSWORD="$(cat /run/secrets/temporal-password)"
export SQL_PASSWORD
export SQL_PLUGIN=postgres12 SQL_HOST=postgres SQL_PORT=5432 SQL_USER=temporal

for part in temporal visibility; do
  database=temporal
  [ "$part" = temporal ] || database=temporal_visibility
  temporal-sql-tool --db "$database" create
  # On a database that has a schema this ends with an error, and the update decides.
  temporal-sql-tool --db "$database" setup-schema -v 0.0 || true
  temporal-sql-tool --db "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/$part/versioned"
done

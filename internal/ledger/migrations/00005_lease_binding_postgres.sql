-- Where a lease's access lives, so that whoever takes access away finds the leases that keep it.

-- +goose Up
ALTER TABLE leases ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE leases ADD COLUMN role   TEXT NOT NULL DEFAULT '';
UPDATE leases SET target = body::json #>> '{lease,binding,target}', role = body::json #>> '{lease,binding,role}'
WHERE json_typeof(body::json #> '{lease,binding}') = 'object';

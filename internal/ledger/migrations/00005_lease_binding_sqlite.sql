-- Where a lease's access lives, so that whoever takes access away finds the leases that keep it.

-- +goose Up
ALTER TABLE leases ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE leases ADD COLUMN role   TEXT NOT NULL DEFAULT '';
UPDATE leases SET target = json_extract(body, '$.lease.binding.target'), role = json_extract(body, '$.lease.binding.role')
WHERE json_type(body, '$.lease.binding') = 'object';

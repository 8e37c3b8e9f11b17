-- Which leases have not ended, by subject: what is to be held or taken away is found there, however many leases have ended.

-- +goose Up
CREATE INDEX leases_live ON leases (subject_id, id) WHERE state <> 'ended';

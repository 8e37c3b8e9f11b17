-- What a ticket looked like when its incident was notified of it last, and whether people assigned it to an account that is not in the register.

-- +goose Up
ALTER TABLE incidents ADD COLUMN seen_as TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN by_hand BOOLEAN NOT NULL DEFAULT FALSE;

-- What is absent is "". PostgreSQL reads no body that has a NUL, so a space is read there instead.
UPDATE incidents SET by_hand = TRUE
WHERE replace(body, '\u0000', '\u0020')::json #> '{assignee,user}' IS NULL AND replace(body, '\u0000', '\u0020')::json #> '{assignee,account}' IS NOT NULL;

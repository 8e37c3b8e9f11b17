-- How far the watch of a desk has come with tickets that ask for access. The zero time stands here as what it is, the first of
-- January of the year 1.

-- +goose Up
ALTER TABLE watches ADD COLUMN asked_us BIGINT NOT NULL DEFAULT -62135596800000000;

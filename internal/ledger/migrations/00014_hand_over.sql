-- Where the brake on what leavers own stands with each of them: one row for each person of a source and a desk. Ids are compared, and never ordered.

-- +goose Up
CREATE TABLE hand_over_leavers (
    desk   TEXT NOT NULL,
    source TEXT NOT NULL,
    person TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (desk, source, person)
);

-- Who has left and who is back, and what of it the requests and leases that go on have not been notified of yet. Ids are ordered by their bytes.

-- +goose Up
CREATE TABLE people_standing (
    source   TEXT    NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    absent   BOOLEAN NOT NULL,
    revision BIGINT  NOT NULL,
    reason   TEXT    NOT NULL,
    began_us BIGINT  NOT NULL,
    change   BIGINT  NOT NULL,
    notified BIGINT   NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE INDEX people_standing_pending ON people_standing (source, id) WHERE notified < change;

-- Who may have to decide on a request that goes on, now or later.
CREATE TABLE request_approvers (
    request_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    PRIMARY KEY (request_id, person_id)
);
CREATE INDEX request_approvers_by_person ON request_approvers (person_id, request_id);

-- Requests that go on have theirs in their views.
INSERT INTO request_approvers (request_id, person_id)
SELECT DISTINCT requests.id, approver FROM requests, jsonb_array_elements_text(COALESCE(requests.body::jsonb -> 'approvers', '[]'::jsonb)) AS approver WHERE NOT requests.ended;

-- Whoever an earlier run has found gone is absent, and the next run notifies of it.
INSERT INTO people_standing (source, id, absent, revision, reason, began_us, change, notified, body)
SELECT source, id, TRUE, began_us, 'the person has left', began_us, began_us, 0, jsonb_build_object('source', source, 'run', '', 'name', id, 'change', 0, 'standing', jsonb_build_object('person', id))::text
FROM people WHERE state = 'left' AND (body::jsonb ->> 'joined')::boolean;

-- An outcome that is recorded stays: a request that has ended keeps its state, and a lease that has ended stays ended.

-- +goose Up

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION outcome_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the outcome of % % is recorded as % and never changes, found %', TG_ARGV[0], OLD.id, OLD.state, NEW.state
        USING ERRCODE = 'restrict_violation';
END;
$$;
-- +goose StatementEnd

CREATE OR REPLACE TRIGGER requests_keep_outcome BEFORE UPDATE ON requests FOR EACH ROW
    WHEN (OLD.ended AND (NOT NEW.ended OR NEW.state <> OLD.state)) EXECUTE FUNCTION outcome_stays('request');

CREATE OR REPLACE TRIGGER leases_keep_outcome BEFORE UPDATE ON leases FOR EACH ROW
    WHEN (OLD.state = 'ended' AND NEW.state <> OLD.state) EXECUTE FUNCTION outcome_stays('lease');

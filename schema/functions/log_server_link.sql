-- The operator rotated the server's keys: the new link becomes a leaf of the practice's keys log (A-8), and a record of its audit log.
-- False: it is there already, nothing is changed.
CREATE OR REPLACE FUNCTION log_server_link(p_practice uuid, p_now timestamptz, p_leaf_id uuid, p_leaf bytea, p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF EXISTS (SELECT FROM log_leaf f WHERE f.practice_id = p_practice AND f.log = 1 AND f.data = p_leaf) THEN
    RETURN false;
  END IF;
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at) VALUES (p_practice, 1, p_leaf_id, p_leaf, p_now);
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  PERFORM expect_due(p_practice, p_now);
  RETURN true;
END $$;

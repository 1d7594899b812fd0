-- A new practice with its two logs, made by the operator. p_server_leaf: the server's first key link as a keys leaf (A-8).
CREATE OR REPLACE FUNCTION create_practice(
  p_practice uuid, p_now timestamptz, p_name text, p_home bytea, p_empty_root bytea,
  p_server_leaf_ids uuid[], p_server_leaves bytea[], p_rules bytea, p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  INSERT INTO practice (practice_id, name, home, created_at)
  VALUES (p_practice, p_name, p_home, p_now);
  INSERT INTO log (practice_id, log, root, day_written)
  VALUES (p_practice, 1, p_empty_root, NULL), (p_practice, 2, p_empty_root, (p_now AT TIME ZONE 'UTC')::date - 1);
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at)
  SELECT p_practice, 1, s.leaf_id, s.data, p_now FROM unnest(p_server_leaf_ids, p_server_leaves) AS s (leaf_id, data);
  IF p_rules IS NOT NULL THEN
    INSERT INTO rule_set (practice_id, owner, layer, version, rules, created_at) VALUES (p_practice, p_practice, 'practice', 1, p_rules, p_now);
  END IF;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  PERFORM expect_due(p_practice, p_now);
END $$;

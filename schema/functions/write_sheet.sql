-- Put the next rule sheet of one thread in force, for a command that changes who is in it. The caller has locked the practice's row
-- (FOR SHARE) and the thread's.
--   p_part_accounts, p_salts, p_parts             one a member
--   p_rule_owners, p_rule_layers, p_rule_versions  the rule sets it was made of
-- Answers false, and does nothing, if the thread has another sheet by now, or somebody other rules: look again.
CREATE OR REPLACE FUNCTION write_sheet(
  p_practice uuid, p_thread uuid, p_r integer, p_sheet bytea, p_hash bytea, p_shared bytea,
  p_part_accounts uuid[], p_salts bytea[], p_parts bytea[], p_rule_owners uuid[], p_rule_layers text[], p_rule_versions integer[],
  p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF rules_moved(p_practice, p_rule_owners, p_rule_layers, p_rule_versions) THEN
    RETURN false;
  END IF;
  UPDATE thread t SET rules_rev = p_r, rules_hash = p_hash, version = t.version + 1
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread AND t.rules_rev = p_r - 1;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO rule_sheet (practice_id, thread_id, r, sheet, shared, in_force_from) VALUES (p_practice, p_thread, p_r, p_sheet, p_shared, p_now);
  INSERT INTO rule_sheet_part (practice_id, thread_id, r, account_id, salt, part)
  SELECT p_practice, p_thread, p_r, q.account_id, q.salt, q.part FROM unnest(p_part_accounts, p_salts, p_parts) AS q (account_id, salt, part);
  RETURN true;
END $$;

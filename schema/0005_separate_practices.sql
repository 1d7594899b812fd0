-- The second wall between practices: without app.practice set to its id, none of its rows exists (D-8, D-26).
-- FORCE binds the owner of the tables too. practice_due is the one table that is meant to be seen across practices.
DO $$
DECLARE t text;
BEGIN
  FOR t IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id'
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'practice_due'
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY one_practice ON %I USING (practice_id = nullif(current_setting('app.practice', true), '')::uuid)$p$, t);
  END LOOP;
END $$;

-- What is written once: the serving role may add and read these, nothing else.
COMMENT ON TABLE chain_link IS 'append only: a chain is never rewritten';
COMMENT ON TABLE entry IS 'append only: what was placed stays where it is';
COMMENT ON TABLE epoch IS 'append only: a commit is never rewritten';
COMMENT ON TABLE charter IS 'append only: what was signed stays signed';
COMMENT ON TABLE consent IS 'append only: what was proposed stays as it was';
COMMENT ON TABLE consent_signature IS 'append only: what was signed stays signed';
COMMENT ON TABLE leave IS 'append only: what was signed stays signed';
COMMENT ON TABLE history_grant IS 'append only: what was given stays given';
COMMENT ON TABLE rule_set IS 'append only: a change is a new version';
COMMENT ON TABLE rule_sheet IS 'append only: promises name these';
COMMENT ON TABLE rule_sheet_part IS 'append only: promises name these';
COMMENT ON TABLE log_node IS 'append only: a subtree that is complete never changes';
COMMENT ON TABLE restore_statement IS 'append only: what was signed stays signed';
COMMENT ON TABLE generation_mark IS 'append only: what was placed stays where it is';
COMMENT ON TABLE installation IS 'read only: the operator makes it and turns its clock';
COMMENT ON TABLE crisis_check IS 'read only: the operator records what was verified';
COMMENT ON TABLE server_link IS 'read only: the operator puts the server''s keys here';

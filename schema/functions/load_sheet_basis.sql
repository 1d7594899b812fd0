-- What a thread's next rule sheet is made of, for the server itself: the sheet before it, and the rule sets that hold in it when these
-- are its people.
--   p_clients  accounts of clients and of family    p_covers  accounts of those who cover
-- One row: the arrays are as rule_sets_of has them, in the order of load_rules; cover_names in that of p_covers. No row: no such thread.
CREATE OR REPLACE FUNCTION load_sheet_basis(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid,
                                            p_clients uuid[], p_covers uuid[])
RETURNS TABLE (owner uuid, rules_rev integer, rules_hash bytea, cover_names text[],
               set_owners uuid[], set_layers text[], set_versions integer[], set_rules bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT t.owner, t.rules_rev, t.rules_hash,
         ARRAY(SELECT a.display_name FROM unnest(p_covers) WITH ORDINALITY AS c (account_id, place)
                 JOIN account a ON a.practice_id = p_practice AND a.account_id = c.account_id ORDER BY c.place),
         s.set_owners, s.set_layers, s.set_versions, s.set_rules
    FROM thread t
    CROSS JOIN LATERAL rule_sets_of(
      p_practice, ARRAY[p_practice, t.owner, t.thread_id, t.thread_id] || p_clients || p_covers,
      ARRAY['practice', 'therapist', 'agreement', 'exception'] || array_fill('client'::text, ARRAY[cardinality(p_clients)])
        || array_fill('therapist'::text, ARRAY[cardinality(p_covers)])) s
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
END $$;

-- What a thread's next rule sheet is made of, for the server itself: the sheet before it, and the rule sets of the practice, of the
-- owner and of those who cover.
--   p_covers  accounts
-- First row: the owner's. Then one for each cover, by account. A version of 0: no rules were set. No row: no such thread.
CREATE OR REPLACE FUNCTION load_sheet_basis(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_covers uuid[])
RETURNS TABLE (rules_rev integer, rules_hash bytea, practice_rules bytea, practice_version integer,
               account_id uuid, display_name text, rules bytea, version integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT t.rules_rev, t.rules_hash, w.rules, coalesce(w.version, 0), a.account_id, a.display_name, o.rules, coalesce(o.version, 0)
    FROM thread t
    JOIN account a ON a.practice_id = p_practice AND (a.account_id = t.owner OR a.account_id = ANY (p_covers))
    LEFT JOIN LATERAL (SELECT r.rules, r.version FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = p_practice ORDER BY r.version DESC LIMIT 1) w ON true
    LEFT JOIN LATERAL (SELECT r.rules, r.version FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = a.account_id ORDER BY r.version DESC LIMIT 1) o ON true
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread
   ORDER BY a.account_id <> t.owner, a.account_id;
END $$;

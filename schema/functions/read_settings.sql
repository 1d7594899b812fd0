-- The rules of the practice and of its therapists, newest versions, for those who audit them. No client appears, and nothing that was
-- agreed in a thread.
CREATE OR REPLACE FUNCTION read_settings(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (owner uuid, display_name text, version integer, rules bytea, author uuid, created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT DISTINCT ON (r.owner) r.owner, coalesce(a.display_name, p.name), r.version, r.rules, r.author, r.created_at
    FROM rule_set r
    JOIN practice p ON p.practice_id = p_practice
    LEFT JOIN account a ON a.practice_id = p_practice AND a.account_id = r.owner
   WHERE r.practice_id = p_practice AND r.layer IN ('practice', 'therapist')
   ORDER BY r.owner, r.version DESC;
END $$;

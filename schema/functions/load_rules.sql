-- The rules that the caller may change, and every thread that a change would reach: of one's own, and where one covers.
--   p_whole  true: the practice's defaults; false: the caller's own as a therapist
-- First row: thread_id NULL, with the sets in force. Then a row for each thread, with the set of its owner, and with those who cover
-- in it: account, name, the consent that says from when until when, and the set of theirs (NULL: none).
CREATE OR REPLACE FUNCTION load_rules(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_whole boolean)
RETURNS TABLE (owner uuid, practice_rules bytea, practice_version integer, owner_rules bytea, owner_version integer,
               thread_id uuid, version bigint, rules_rev integer, rules_hash bytea, generation integer, last_n bigint, members uuid[], chains bytea[],
               covers uuid[], cover_names text[], cover_consents bytea[], cover_rules bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  whole rule_set;
BEGIN
  PERFORM release_due(p_practice, NULL, p_now);
  SELECT * INTO whole FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = p_practice ORDER BY r.version DESC LIMIT 1;
  RETURN QUERY
  SELECT me, whole.rules, coalesce(whole.version, 0), o.rules, coalesce(o.version, 0),
         NULL::uuid, NULL::bigint, NULL::integer, NULL::bytea, NULL::integer, NULL::bigint, NULL::uuid[], NULL::bytea[],
         NULL::uuid[], NULL::text[], NULL::bytea[], NULL::bytea[]
    FROM (SELECT 1) one
    LEFT JOIN LATERAL (SELECT r.rules, r.version FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = me ORDER BY r.version DESC LIMIT 1) o ON true;
  RETURN QUERY
  SELECT t.owner, whole.rules, coalesce(whole.version, 0), o.rules, coalesce(o.version, 0),
         t.thread_id, t.version, t.rules_rev, t.rules_hash, t.generation, t.last_n, p.members, p.chains,
         v.accounts, v.names, v.consents, v.rules
    FROM thread t
    LEFT JOIN LATERAL (SELECT r.rules, r.version FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = t.owner ORDER BY r.version DESC LIMIT 1) o ON true
    CROSS JOIN LATERAL (
      SELECT array_agg(m.account_id ORDER BY m.account_id) AS members, array_agg(a.chain_id ORDER BY m.account_id) AS chains
        FROM member m JOIN account a ON a.practice_id = p_practice AND a.account_id = m.account_id
       WHERE m.practice_id = p_practice AND m.thread_id = t.thread_id AND present(m, p_now)) p
    CROSS JOIN LATERAL (
      SELECT array_agg(c.account_id ORDER BY c.account_id) AS accounts, array_agg(a.display_name ORDER BY c.account_id) AS names,
             array_agg(s.core ORDER BY c.account_id) AS consents,
             array_agg((SELECT r.rules FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = c.account_id ORDER BY r.version DESC LIMIT 1)
                       ORDER BY c.account_id) AS rules
        FROM member c
        JOIN account a ON a.practice_id = p_practice AND a.account_id = c.account_id
        JOIN consent s ON s.practice_id = p_practice AND s.thread_id = t.thread_id AND s.consent_hash = c.consent_hash
       WHERE c.practice_id = p_practice AND c.thread_id = t.thread_id AND c.role = 3 AND c.until IS NOT NULL AND present(c, p_now)) v
   WHERE t.practice_id = p_practice AND t.is_open AND (p_whole OR t.owner = me OR me = ANY (v.accounts))
   ORDER BY t.thread_id;
END $$;

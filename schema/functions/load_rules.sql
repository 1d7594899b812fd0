-- A rule set that the caller may change, and every thread that a change would reach. p_layer, p_thread and the refusals: read_rules.
-- First row: thread_id NULL, the set itself. Then a row for each thread: whose it is, with the name that clients read, who is present in it, the rule sets that hold
-- in it (arrays as rule_sets_of has them: the practice's, the owner's, the thread's two, each client's own, then those of whoever
-- covers), and those who cover: account, name, and the consent that says from when until when.
CREATE OR REPLACE FUNCTION load_rules(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_layer text, p_thread uuid)
RETURNS TABLE (account_id uuid, owner uuid, owner_name text, layer text, set_owners uuid[], set_layers text[], set_versions integer[], set_rules bytea[],
               thread_id uuid, rules_rev integer, rules_hash bytea, members uuid[], roles smallint[], chains bytea[],
               covers uuid[], cover_names text[], cover_consents bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  mine record;
  reached uuid[];
BEGIN
  SELECT * INTO mine FROM read_rules(p_practice, p_token, p_roles, p_now, p_layer, p_thread);
  PERFORM release_due(p_practice, CASE WHEN p_layer = 'own' THEN mine.account_id END, p_now);
  reached := reached_by(p_practice, mine.owner, mine.layer, p_now);
  RETURN QUERY
  SELECT mine.account_id, mine.owner, NULL::text, mine.layer, mine.set_owners, mine.set_layers, mine.set_versions, mine.set_rules,
         NULL::uuid, NULL::integer, NULL::bytea, NULL::uuid[], NULL::smallint[], NULL::bytea[], NULL::uuid[], NULL::text[], NULL::bytea[];
  RETURN QUERY
  SELECT mine.account_id, t.owner, o.display_name, mine.layer, s.set_owners, s.set_layers, s.set_versions, s.set_rules,
         t.thread_id, t.rules_rev, t.rules_hash, p.members, p.roles, p.chains, v.covers, v.names, v.consents
    FROM thread t
    JOIN account o ON o.practice_id = p_practice AND o.account_id = t.owner
    CROSS JOIN LATERAL (
      SELECT array_agg(m.account_id ORDER BY m.account_id) AS members, array_agg(m.role ORDER BY m.account_id) AS roles,
             array_agg(a.chain_id ORDER BY m.account_id) AS chains,
             coalesce(array_agg(m.account_id ORDER BY m.account_id) FILTER (WHERE m.role IN (1, 4)), '{}') AS clients
        FROM member m JOIN account a ON a.practice_id = p_practice AND a.account_id = m.account_id
       WHERE m.practice_id = p_practice AND m.thread_id = t.thread_id AND present(m, p_now)) p
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(c.account_id ORDER BY c.account_id), '{}') AS covers,
             array_agg(a.display_name ORDER BY c.account_id) AS names, array_agg(x.core ORDER BY c.account_id) AS consents
        FROM member c
        JOIN account a ON a.practice_id = p_practice AND a.account_id = c.account_id
        JOIN consent x ON x.practice_id = p_practice AND x.thread_id = t.thread_id AND x.consent_hash = c.consent_hash
       WHERE c.practice_id = p_practice AND c.thread_id = t.thread_id AND c.role = 3 AND c.until IS NOT NULL AND present(c, p_now)) v
    CROSS JOIN LATERAL rule_sets_of(
      p_practice, ARRAY[p_practice, t.owner, t.thread_id, t.thread_id] || p.clients || v.covers,
      ARRAY['practice', 'therapist', 'agreement', 'exception'] || array_fill('client'::text, ARRAY[cardinality(p.clients)])
        || array_fill('therapist'::text, ARRAY[cardinality(v.covers)])) s
   WHERE t.practice_id = p_practice AND t.thread_id = ANY (reached)
   ORDER BY t.thread_id;
END $$;

-- An invitation with all that a joining device must verify, and what the server needs to check the joining.
--   links        the owner's whole chain, with link promises and places in the keys log (NULL: not yet sequenced)
--   practice_rules, owner_rules   newest rule sets (NULL: none), with the versions they have
--   opens        true: its acceptance opens the thread; false: it leads to a consent for one that is there
-- No row: no such invitation. spent: it was accepted; expired: its time is over.
CREATE OR REPLACE FUNCTION read_invitation(p_practice uuid, p_lookup uuid, p_now timestamptz)
RETURNS TABLE (thread_id uuid, opens boolean, invite bytea, charter bytea, charter_sig bytea, spent boolean, expired boolean, accept bytea,
               owner uuid, owner_name text, owner_chain bytea, links bytea[], link_promises bytea[], link_indexes bigint[],
               owner_device_classes smallint[], practice_rules bytea, practice_rules_version integer, owner_rules bytea, owner_rules_version integer,
               practice_name text, home bytea, generation integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT i.thread_id, i.opens, i.invite, i.charter, i.charter_sig, i.accept IS NOT NULL, i.expires_at <= p_now, i.accept,
         i.owner, a.display_name, a.chain_id, l.links, l.promises, l.indexes,
         (SELECT array_agg(d.class) FROM device d WHERE d.practice_id = p_practice AND d.account_id = i.owner AND d.revoked_at IS NULL),
         pr.rules, coalesce(pr.version, 0), ow.rules, coalesce(ow.version, 0),
         p.name, p.home, p.generation
    FROM invitation i
    JOIN practice p ON p.practice_id = p_practice
    JOIN account a ON a.practice_id = p_practice AND a.account_id = i.owner
    CROSS JOIN LATERAL (
      SELECT array_agg(c.link ORDER BY c.seq) AS links, array_agg(c.link_promise ORDER BY c.seq) AS promises, array_agg(f.index ORDER BY c.seq) AS indexes
        FROM chain_link c JOIN log_leaf f ON f.practice_id = p_practice AND f.log = 1 AND f.leaf_id = c.leaf_id
       WHERE c.practice_id = p_practice AND c.account_id = i.owner) l
    LEFT JOIN LATERAL (SELECT r.rules, r.version FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = p_practice AND r.layer = 'practice' ORDER BY r.version DESC LIMIT 1) pr ON true
    LEFT JOIN LATERAL (SELECT r.rules, r.version FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = i.owner AND r.layer = 'therapist' ORDER BY r.version DESC LIMIT 1) ow ON true
   WHERE i.practice_id = p_practice AND i.lookup_id = p_lookup;
END $$;

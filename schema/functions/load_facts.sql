-- What a promise in this thread depends on, and whose signatures count there. One row; ET404 as in enter_thread.
--   parts: each member's own part of the newest sheet    declared: what each client set alone, newest (NULL: nothing), for the crisis card
--   wrote: who of them has a message here that waits or is placed; begun: one of a client who is present was placed
--   (what waits of one member decides nothing for another, G5)
--   members: those who are present    devices: all of theirs, revoked ones too (an old message may be sent again for its receipt)
CREATE OR REPLACE FUNCTION load_facts(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (caller uuid, version bigint, is_open boolean, generation integer, last_n bigint, epoch integer, commit_hash bytea, suite smallint,
               rules_rev integer, rules_hash bytea, rules bytea, turn_reply_by timestamptz, turn bigint, turn_urgent boolean, begun boolean,
               members uuid[], member_roles smallint[], chains bytea[], last_accepted timestamptz[], acked_until timestamptz[],
               parts bytea[], declared bytea[], wrote boolean[],
               devices uuid[], device_accounts uuid[], device_keys bytea[], home bytea,
               owner_name text, told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
  moved uuid[] := '{}';
BEGIN
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    moved := tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  RETURN QUERY
  SELECT me, t.version, t.is_open, t.generation, t.last_n, t.epoch, t.commit_hash, t.suite, t.rules_rev, t.rules_hash,
         (SELECT s.shared FROM rule_sheet s WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.r = t.rules_rev),
         t.open_reply_by, t.replies, t.open_urgent,
         p.begun,
         p.members, p.roles, p.chains, p.last_accepted, p.acked, p.parts, p.declared, p.wrote, d.devices, d.accounts, d.keys, c.home,
         o.display_name, moved
    FROM thread t
    JOIN practice c ON c.practice_id = p_practice
    JOIN account o ON o.practice_id = p_practice AND o.account_id = t.owner
    CROSS JOIN LATERAL (
      SELECT array_agg(m.account_id ORDER BY m.account_id) AS members, array_agg(m.role ORDER BY m.account_id) AS roles,
             array_agg(a.chain_id ORDER BY m.account_id) AS chains,
             array_agg(m.last_accepted_at ORDER BY m.account_id) AS last_accepted, array_agg(m.acked_until ORDER BY m.account_id) AS acked,
             array_agg((SELECT q.part FROM rule_sheet_part q WHERE q.practice_id = p_practice AND q.thread_id = p_thread
                                                               AND q.r = t.rules_rev AND q.account_id = m.account_id) ORDER BY m.account_id) AS parts,
             array_agg((SELECT r.rules FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = m.account_id AND r.layer = 'client'
                         ORDER BY r.version DESC LIMIT 1) ORDER BY m.account_id) AS declared,
             -- LIMIT 1, not EXISTS: each is one probe, and never the whole thread hashed
             array_agg((SELECT true FROM message w WHERE w.practice_id = p_practice AND w.account_id = m.account_id AND w.thread_id = p_thread
                                                     AND w.state IN ('held', 'placed') LIMIT 1) IS NOT NULL ORDER BY m.account_id) AS wrote,
             bool_or(m.role IN (1, 4) AND
                     (SELECT true FROM message w WHERE w.practice_id = p_practice AND w.account_id = m.account_id AND w.thread_id = p_thread
                                                   AND w.state = 'placed' LIMIT 1) IS NOT NULL) AS begun
        FROM member m JOIN account a ON a.practice_id = p_practice AND a.account_id = m.account_id
       WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND present(m, p_now)) p
    CROSS JOIN LATERAL (
      SELECT array_agg(v.device_id ORDER BY v.device_id) AS devices, array_agg(v.account_id ORDER BY v.device_id) AS accounts,
             array_agg(v.sign_pk ORDER BY v.device_id) AS keys
        FROM device v WHERE v.practice_id = p_practice AND v.account_id = ANY (p.members)) d
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
END $$;

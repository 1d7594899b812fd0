-- Start a new epoch, verified before on the people as p_present had them and on their chains as p_heads had them. Placed at once,
-- whatever is held; what waits of whoever is left out goes back to them in the same transaction (A-4, A-5).
--   p_accounts, p_heads   everybody in the new roster          p_seats    their devices
--   p_present             who was present when it was verified  p_names    the papers that it carries out
--   p_new_*               those whom it brings in, in parallel; p_new_start 0: with all that was before
--   p_mids, p_statuses    what waits of devices outside the new roster (of everybody, where the owner has gone), each with its Status 4
--   p_r .. p_rule_versions  the rule sheet for the new people, as write_sheet takes it; p_r NULL: the same people as before
--   p_audit_leaf NULL     nobody came or went
-- Outcomes: placed; again (this very commit is placed); stale_epoch (p_prev is not the newest: the newest comes with it);
-- moved (a chain has grown meanwhile); look_again (people, rules or what waits changed meanwhile); closed. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION commit_epoch(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_epoch integer, p_suite integer, p_prev bytea, p_commit bytea, p_commit_hash bytea,
  p_accounts uuid[], p_heads bytea[], p_seats uuid[], p_present uuid[], p_names bytea[],
  p_new_accounts uuid[], p_new_roles integer[], p_new_start bigint[], p_new_until timestamptz[], p_new_consents bytea[],
  p_mids uuid[], p_statuses bytea[],
  p_r integer, p_sheet bytea, p_rules_hash bytea, p_shared bytea, p_part_accounts uuid[], p_salts bytea[], p_parts bytea[],
  p_rule_owners uuid[], p_rule_layers text[], p_rule_versions integer[],
  p_audit_leaf uuid, p_audit_salt bytea, p_audit_record bytea)
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  everybody uuid[];
  th thread;
  released boolean := false;
  answer sent;
  a_position bigint;
BEGIN
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  IF p_r IS NOT NULL THEN
    PERFORM FROM practice p WHERE p.practice_id = p_practice FOR SHARE;     -- no change of rules meanwhile
  END IF;
  PERFORM FROM account a WHERE a.practice_id = p_practice AND a.account_id = ANY (p_new_accounts) ORDER BY a.account_id FOR SHARE;
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);      -- the caller may have been left out while this waited
  everybody := ARRAY(SELECT m.account_id FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread);
  SELECT e.n INTO a_position FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.commit_hash = p_commit_hash;
  IF FOUND THEN
    answer.outcome := 'again';
  ELSIF NOT th.is_open THEN
    answer.outcome := 'closed';
  ELSIF th.commit_hash <> p_prev OR th.epoch <> p_epoch - 1 THEN
    answer.outcome := 'stale_epoch';
    SELECT e.commit INTO answer.newest FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.epoch = th.epoch;
  ELSIF EXISTS (SELECT FROM unnest(p_accounts, p_heads) AS c (account_id, head)
                 WHERE NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = c.account_id AND a.chain_head = c.head)) THEN
    answer.outcome := 'moved';
  ELSIF ARRAY(SELECT m.account_id FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND present(m, p_now) ORDER BY m.account_id)
        <> ARRAY(SELECT s FROM unnest(p_present) AS s ORDER BY s) THEN
    answer.outcome := 'look_again';
  ELSE
    released := release_thread(p_practice, p_thread, p_now) > 0;
    BEGIN
      IF NOT return_held(p_practice, p_thread, everybody,
                         -- where the owner has gone nobody will answer: all that waits goes back
                         CASE WHEN th.owner = ANY (p_accounts) THEN
                           ARRAY(SELECT d.device_id FROM device d WHERE d.practice_id = p_practice AND d.account_id = ANY (everybody) AND d.device_id <> ALL (p_seats))
                         END,
                         p_mids, p_statuses, p_now)
         OR NOT (p_r IS NULL OR write_sheet(p_practice, p_thread, p_r, p_sheet, p_rules_hash, p_shared, p_part_accounts, p_salts, p_parts,
                                            p_rule_owners, p_rule_layers, p_rule_versions, p_now)) THEN
        RAISE EXCEPTION 'look_again' USING ERRCODE = 'ET000';       -- takes back what this block has done
      END IF;
    EXCEPTION WHEN SQLSTATE 'ET000' THEN
      answer.outcome := 'look_again';
      IF released THEN
        answer.told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
      END IF;
    END;
  END IF;
  IF answer.outcome IS NULL THEN
    a_position := place_item(p_practice, p_thread, 2, p_now, p_commit_hash);
    INSERT INTO epoch (practice_id, thread_id, epoch, n, commit_hash, commit, names)
    VALUES (p_practice, p_thread, p_epoch, a_position, p_commit_hash, p_commit, p_names);
    UPDATE member m SET ended_at = least(p_now, m.until)
     WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.ended_at IS NULL AND m.account_id <> ALL (p_accounts);
    INSERT INTO member AS m (practice_id, thread_id, account_id, role, start_n, joined_n, until, consent_hash)
    SELECT p_practice, p_thread, w.account_id, w.role, w.start_n, CASE WHEN w.start_n > 0 THEN a_position ELSE 0 END, w.until, w.consent_hash
      FROM unnest(p_new_accounts, p_new_roles, p_new_start, p_new_until, p_new_consents) AS w (account_id, role, start_n, until, consent_hash)
    ON CONFLICT (practice_id, thread_id, account_id) DO UPDATE
       SET role = excluded.role, start_n = excluded.start_n, joined_n = excluded.joined_n, until = excluded.until,
           consent_hash = excluded.consent_hash, ended_at = NULL;
    DELETE FROM seat s WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id <> ALL (p_seats);
    INSERT INTO seat (practice_id, thread_id, device_id) SELECT p_practice, p_thread, s FROM unnest(p_seats) AS s ON CONFLICT DO NOTHING;
    DELETE FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.device_id = ANY (p_seats);
    INSERT INTO exclusion (practice_id, thread_id, device_id)
    SELECT p_practice, p_thread, d.device_id FROM device d
     WHERE d.practice_id = p_practice AND d.account_id = ANY (p_accounts) AND d.revoked_at IS NULL AND d.device_id <> ALL (p_seats)
    ON CONFLICT DO NOTHING;
    UPDATE thread t
       SET epoch = p_epoch, commit_hash = p_commit_hash, suite = p_suite,
           is_open = t.owner = ANY (p_accounts),      -- nobody treats where the owner has gone: it can be read (A-5)
           roster_ends_at = (SELECT min(m.until) FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND present(m, p_now))
     WHERE t.practice_id = p_practice AND t.thread_id = p_thread RETURNING t.* INTO th;
    IF p_audit_leaf IS NOT NULL THEN
      PERFORM note(p_practice, p_audit_leaf, p_audit_salt, p_audit_record, p_now);
    END IF;
    answer.told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
    answer.outcome := 'placed';
    IF th.roster_ends_at IS NOT NULL THEN
      PERFORM expect_due(p_practice, th.roster_ends_at);
    END IF;
    IF p_audit_leaf IS NOT NULL THEN
      PERFORM expect_due(p_practice, p_now);
    END IF;
  END IF;
  IF a_position IS NOT NULL THEN
    SELECT e.n, e.reason, e.generation, e.placed_at, e.t, e.item_hash, e.promise_hash
      INTO answer.n, answer.reason, answer.generation, answer.placed_at, answer.t, answer.item_hash, answer.promise_hash
      FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = a_position;
  END IF;
  RETURN NEXT answer;
END $$;

-- Keep history grants for devices of the newest roster (tep.md §6.7). Opaque here, and in no log. The same grant twice is one.
--   p_givers, p_receivers, p_hashes, p_sealed   run in parallel; the givers' signatures were verified on p_giver_keys
--   p_most      bytes that one account may leave for one device here: read_grants answers all of them at once
-- Outcomes: given; giver (not an active, seated device of the caller with that key); receiver (not in the newest roster);
-- history (somebody else's device, who came in without history); too_many. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION give_history(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_givers uuid[], p_giver_keys bytea[], p_receivers uuid[], p_hashes bytea[], p_sealed bytea[], p_most integer,
  OUT outcome text, OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
  theirs uuid[];
BEGIN
  told := '{}';
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);      -- the caller may have left while this waited
  IF EXISTS (SELECT FROM unnest(p_givers, p_giver_keys) AS g (device_id, sign_pk)
              WHERE NOT EXISTS (SELECT FROM seat s JOIN device d ON d.practice_id = p_practice AND d.device_id = s.device_id
                                 WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id = g.device_id
                                   AND d.account_id = me AND d.sign_pk = g.sign_pk AND d.revoked_at IS NULL)) THEN
    outcome := 'giver';
    RETURN;
  END IF;
  theirs := ARRAY(SELECT DISTINCT d.account_id FROM seat s JOIN device d ON d.practice_id = p_practice AND d.device_id = s.device_id
                   WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id = ANY (p_receivers) AND d.revoked_at IS NULL);
  IF EXISTS (SELECT FROM unnest(p_receivers) AS r (device_id)
              WHERE NOT EXISTS (SELECT FROM seat s JOIN device d ON d.practice_id = p_practice AND d.device_id = s.device_id
                                 WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id = r.device_id AND d.revoked_at IS NULL)) THEN
    outcome := 'receiver';
  ELSIF EXISTS (SELECT FROM unnest(theirs) AS r (account_id)
                 WHERE r.account_id <> me
                   AND NOT EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread
                                                          AND m.account_id = r.account_id AND m.start_n = 0 AND present(m, p_now))) THEN
    outcome := 'history';
  ELSIF EXISTS (SELECT FROM unnest(p_receivers) AS r (device_id)
                 WHERE (SELECT coalesce(sum(octet_length(h.sealed)), 0) FROM history_grant h
                         WHERE h.practice_id = p_practice AND h.thread_id = p_thread AND h.device_id = r.device_id AND h.giver = me)
                     + (SELECT sum(octet_length(g.sealed)) FROM unnest(p_receivers, p_hashes, p_sealed) AS g (receiver, hash, sealed)
                         WHERE g.receiver = r.device_id
                           AND NOT EXISTS (SELECT FROM history_grant h WHERE h.practice_id = p_practice AND h.thread_id = p_thread
                                                                         AND h.device_id = g.receiver AND h.grant_hash = g.hash)) > p_most) THEN
    outcome := 'too_many';
  ELSE
    INSERT INTO history_grant (practice_id, thread_id, device_id, grant_hash, sealed, given_at, giver)
    SELECT p_practice, p_thread, g.receiver, g.hash, g.sealed, p_now, me FROM unnest(p_receivers, p_hashes, p_sealed) AS g (receiver, hash, sealed)
    ON CONFLICT DO NOTHING;
    outcome := 'given';
    told := tell_readers(p_practice, p_thread, theirs, p_now);
  END IF;
END $$;

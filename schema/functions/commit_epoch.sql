-- Start a new epoch, verified before on the chains as p_chains and p_heads had them. Placed at once, whatever is held (A-5).
-- Outcomes: placed; again (this very commit is placed); stale_epoch (p_prev is not the newest: the newest comes with it);
-- moved (a chain has grown meanwhile); closed.
CREATE OR REPLACE FUNCTION commit_epoch(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_epoch integer, p_suite integer, p_prev bytea, p_commit bytea, p_commit_hash bytea,
  p_accounts uuid[], p_heads bytea[], p_seats uuid[])
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  th thread;
  answer sent;
  a_position bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me) THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
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
  ELSE
    PERFORM release_thread(p_practice, p_thread, p_now);
    a_position := place_item(p_practice, p_thread, 2, p_now, p_commit_hash);
    INSERT INTO epoch (practice_id, thread_id, epoch, n, commit_hash, commit)
    VALUES (p_practice, p_thread, p_epoch, a_position, p_commit_hash, p_commit);
    UPDATE thread t SET epoch = p_epoch, commit_hash = p_commit_hash, suite = p_suite WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
    DELETE FROM seat s WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id <> ALL (p_seats);
    INSERT INTO seat (practice_id, thread_id, device_id) SELECT p_practice, p_thread, s FROM unnest(p_seats) AS s ON CONFLICT DO NOTHING;
    answer.told := tell_feeds(p_practice, ARRAY[p_thread]);
    answer.outcome := 'placed';
  END IF;
  IF a_position IS NOT NULL THEN
    SELECT e.n, e.reason, e.generation, e.placed_at, e.t, e.item_hash, e.promise_hash
      INTO answer.n, answer.reason, answer.generation, answer.placed_at, answer.t, answer.item_hash, answer.promise_hash
      FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = a_position;
  END IF;
  RETURN NEXT answer;
END $$;

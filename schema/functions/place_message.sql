-- Place one message that is stored: position, Entry, T_n, the readers' turn, the audit leaf, the notice.
-- The only way a message becomes visible (D-5). The thread's row must be locked. Answers its entry.
--   p_reason  1 at once, 2 due, 3 earlier opening, 4 opened early, 6 urgent (A-3)
--   The reader's notice counts from notice_at, where that is later: never in quiet hours (rules.md 3.5)
CREATE OR REPLACE FUNCTION place_message(p_practice uuid, p_message message, p_reason integer, p_now timestamptz)
RETURNS entry LANGUAGE plpgsql AS $$
DECLARE
  m ALIAS FOR p_message;
  opens boolean := m.by_client AND m.expects_reply;     -- it opens or prolongs the clients' turn
  closes boolean := NOT m.by_client;                    -- the therapist's word ends it
  placed thread;
  made entry;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE thread t
     SET last_n = t.last_n + 1,
         version = t.version + 1,
         last_placed_at = greatest(p_now, t.last_placed_at),
         replies = CASE WHEN closes THEN t.replies + 1 ELSE t.replies END,
         last_t = thread_next(t.last_t, entry_bytes(1, p_reason, t.generation, t.last_n + 1,
                                                    greatest(p_now, t.last_placed_at), m.item_hash, m.promise_hash)),
         open_count = CASE WHEN closes THEN 0 WHEN opens THEN t.open_count + 1 ELSE t.open_count END,
         open_since = CASE WHEN closes THEN NULL WHEN opens THEN coalesce(t.open_since, greatest(p_now, t.last_placed_at)) ELSE t.open_since END,
         open_reply_by = CASE WHEN closes THEN NULL WHEN opens THEN least(t.open_reply_by, m.reply_by) ELSE t.open_reply_by END,
         open_urgent = CASE WHEN closes THEN false WHEN opens THEN t.open_urgent OR m.urgent ELSE t.open_urgent END
   WHERE t.practice_id = p_practice AND t.thread_id = m.thread_id
  RETURNING t.* INTO STRICT placed;

  INSERT INTO entry (practice_id, thread_id, n, item_type, reason, generation, placed_at, item_hash, promise_hash, t)
  VALUES (p_practice, m.thread_id, placed.last_n, 1, p_reason, placed.generation, placed.last_placed_at, m.item_hash, m.promise_hash, placed.last_t)
  RETURNING * INTO made;

  IF m.state = 'held' THEN
    UPDATE message SET state = 'placed', n = made.n, placed_at = made.placed_at
     WHERE practice_id = p_practice AND account_id = m.account_id AND mid = m.mid;
  END IF;

  PERFORM note(p_practice, m.leaf_id, m.leaf_salt, convert_to(jsonb_build_object(
      'act', 'message.placed', 'thread', encode(uuid_send(m.thread_id), 'hex'), 'account', encode(uuid_send(m.account_id), 'hex'),
      'by', CASE WHEN m.by_client THEN 'client' ELSE 'therapist' END, 'urgent', m.urgent,
      'accepted_at', m.accepted_at, 'release_at', m.release_at, 'reply_by', m.reply_by,
      'placed_at', made.placed_at, 'reason', p_reason, 'decision', decision_for_others(m.decision, m.release_at, m.reply_by))::text, 'UTF8'), p_now);

  IF m.by_client AND m.window_at IS NOT NULL AND p_reason <> 4 THEN     -- whoever opens it knows, and the window has its notice to come
    INSERT INTO notice (practice_id, account_id, window_at, urgent, noticed_at)
    SELECT p_practice, coalesce((SELECT c.account_id FROM member c       -- a cover who has left meanwhile is told nothing
                                  WHERE c.practice_id = p_practice AND c.thread_id = m.thread_id AND c.account_id = m.reader
                                    AND present(c, p_now)), placed.owner), m.window_at, m.urgent, greatest(p_now, m.notice_at)
    ON CONFLICT DO NOTHING;
  END IF;
  IF m.by_client AND m.urgent THEN
    PERFORM follow_up(p_practice, m, placed.owner, p_now);
  END IF;
  RETURN made;
END $$;

-- After a restore: the practice goes on in a new generation (A-8). Every thread gets the mark of it at its next position, the statement
-- becomes a leaf of the keys log, and every feed moves far ahead: a cursor that a device kept from before the restore misses nothing.
--   p_threads, p_hashes, p_marks  all threads of the practice in the order of their ids, the item_hash and the item of each one's mark
-- For the operator alone, before anybody is served.
CREATE OR REPLACE FUNCTION begin_generation(
  p_practice uuid, p_now timestamptz, p_generation integer, p_statement bytea, p_threads uuid[], p_hashes bytea[], p_marks bytea[],
  p_leaf_id uuid, p_leaf bytea, p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  far_ahead constant bigint := 1099511627776;   -- 2^40: more than any feed grows between a backup and its restore
  one record;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE practice p SET generation = p_generation WHERE p.practice_id = p_practice;
  INSERT INTO restore_statement (practice_id, generation, statement) VALUES (p_practice, p_generation, p_statement);
  PERFORM FROM thread t WHERE t.practice_id = p_practice ORDER BY t.thread_id FOR UPDATE;
  UPDATE thread t SET generation = p_generation WHERE t.practice_id = p_practice;
  FOR one IN SELECT * FROM unnest(p_threads, p_hashes, p_marks) AS m (thread_id, item_hash, mark) LOOP
    INSERT INTO generation_mark (practice_id, thread_id, n, mark)
    VALUES (p_practice, one.thread_id, place_item(p_practice, one.thread_id, 4, p_now, one.item_hash), one.mark);
  END LOOP;
  UPDATE feed f SET last = f.last + far_ahead + (SELECT count(*) FROM member m WHERE m.practice_id = p_practice AND m.account_id = f.account_id)
   WHERE f.practice_id = p_practice;
  UPDATE member m SET feed_at = f.last - o.behind
    FROM feed f, (SELECT x.account_id, x.thread_id, row_number() OVER (PARTITION BY x.account_id ORDER BY x.thread_id DESC) - 1 AS behind
                    FROM member x WHERE x.practice_id = p_practice) o
   WHERE m.practice_id = p_practice AND f.practice_id = p_practice AND f.account_id = m.account_id
     AND o.account_id = m.account_id AND o.thread_id = m.thread_id;
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at) VALUES (p_practice, 1, p_leaf_id, p_leaf, p_now);
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  PERFORM expect_due(p_practice, p_now);
END $$;

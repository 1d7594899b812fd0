-- Whoever was called says how it ended, by a code; to close is to have seen it. A repetition changes nothing. known as in acknowledge_alert.
--   p_task  id of the task to talk about false alarms, if this is one of as many within four weeks as the thread's rules name:
--           for the thread's owner, due in a week, and nothing else follows (clinic.md 4.1). Those of other threads are not theirs to know
CREATE OR REPLACE FUNCTION close_alert(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_alert uuid, p_code text, p_task uuid,
                                       OUT known boolean, OUT told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  done record;
  mine alert;
  most integer;
  alarms integer;
  th thread;
BEGIN
  SELECT * INTO done FROM acknowledge_alert(p_practice, p_token, p_roles, p_now, p_alert);
  known := done.known;
  told := done.told;
  IF NOT known THEN
    RETURN;
  END IF;
  UPDATE alert a SET closed_at = p_now, closing = p_code
   WHERE a.practice_id = p_practice AND a.alert_id = p_alert AND a.closed_at IS NULL
  RETURNING a.* INTO mine;
  IF mine.alert_id IS NULL THEN
    RETURN;
  END IF;
  PERFORM alert_record(p_practice, mine, 'closed', jsonb_build_object('closed_at', p_now, 'code', p_code), p_now);
  IF p_code <> 'false_alarm' THEN
    RETURN;
  END IF;
  SELECT * INTO STRICT th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = mine.thread_id;
  most := coalesce((SELECT max((e.entry -> 'rule' ->> 'false_alarms')::integer)
                      FROM rule_sheet s, jsonb_array_elements(convert_from(s.shared, 'UTF8')::jsonb -> 'rules') AS e (entry)
                     WHERE s.practice_id = p_practice AND s.thread_id = th.thread_id AND s.r = th.rules_rev
                       AND e.entry -> 'rule' ->> 'kind' = 'urgent.channel'), 2);
  alarms := (SELECT count(DISTINCT a.mid) FROM alert a          -- by the message: two callees may both have closed one
              WHERE a.practice_id = p_practice AND a.thread_id = mine.thread_id AND a.account_id = mine.account_id AND a.closing = 'false_alarm'
                AND a.closed_at > p_now - interval '28 days');
  IF alarms >= most AND NOT EXISTS (SELECT FROM task k WHERE k.practice_id = p_practice AND k.account_id = th.owner AND k.thread_id = th.thread_id
                                                        AND k.kind = 'false_alarms' AND k.closed_at IS NULL) THEN
    PERFORM add_tasks(p_practice, p_now, ARRAY[p_task], ARRAY[th.owner], ARRAY[th.thread_id], ARRAY['false_alarms'], ARRAY[''],
                      ARRAY[p_now + interval '7 days']);
    told := told || th.owner;
  END IF;
END $$;

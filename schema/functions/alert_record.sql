-- Write the audit leaf of something that happened to an alert: times, step and card; no content, and nobody's name.
-- Id and salt follow from the message's own secret salt, so that whoever writes it first writes it, and nobody a second time.
--   p_what  sent, acknowledged, closed, unanswered
CREATE OR REPLACE FUNCTION alert_record(p_practice uuid, p_alert alert, p_what text, p_facts jsonb, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  secret bytea;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  SELECT m.leaf_salt || uuid_send(p_alert.alert_id) || convert_to(p_what, 'UTF8') INTO STRICT secret FROM message m
   WHERE m.practice_id = p_practice AND m.account_id = p_alert.account_id AND m.mid = p_alert.mid;
  PERFORM note(p_practice, encode(substring(sha256('\x01'::bytea || secret) FROM 1 FOR 16), 'hex')::uuid, sha256('\x02'::bytea || secret),
    convert_to((jsonb_build_object(
      'act', 'alert.' || p_what, 'thread', encode(uuid_send(p_alert.thread_id), 'hex'), 'account', encode(uuid_send(p_alert.account_id), 'hex'),
      'step', p_alert.step, 'callee', encode(uuid_send(p_alert.callee), 'hex'), 'due_at', p_alert.due_at, 'card', p_alert.card) || p_facts)::text, 'UTF8'),
    p_now);
END $$;

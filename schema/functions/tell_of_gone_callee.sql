-- Somebody of the staff has closed their account: whoever owns a thread whose rules call them for urgent messages gets a task to name
-- somebody else (R-16). They are passed over meanwhile (raise_alerts). Ids follow from the secret salt of the audit leaf.
--   p_callee  whose account it was; of somebody who is not staff nothing follows
CREATE OR REPLACE FUNCTION tell_of_gone_callee(p_practice uuid, p_callee uuid, p_salt bytea, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  who uuid[];
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = p_callee
                                         AND a.roles && ARRAY['therapist', 'administrator', 'supervisor']) THEN
    RETURN;
  END IF;
  who := ARRAY(SELECT DISTINCT t.owner FROM thread t
                 JOIN rule_sheet s ON s.practice_id = p_practice AND s.thread_id = t.thread_id AND s.r = t.rules_rev
                WHERE t.practice_id = p_practice AND t.owner <> p_callee
                  AND position(convert_to('"callee":"' || encode(uuid_send(p_callee), 'hex') || '"', 'UTF8') IN s.shared) > 0
                ORDER BY t.owner);
  PERFORM add_tasks(p_practice, p_now,
    ARRAY(SELECT encode(substring(sha256('\x05'::bytea || p_salt || uuid_send(w.account_id)) FROM 1 FOR 16), 'hex')::uuid
            FROM unnest(who) WITH ORDINALITY AS w (account_id, nr) ORDER BY w.nr),
    who, array_fill(NULL::uuid, ARRAY[cardinality(who)]), array_fill('on_call_gone'::text, ARRAY[cardinality(who)]),
    array_fill(''::text, ARRAY[cardinality(who)]), array_fill(p_now, ARRAY[cardinality(who)]));
END $$;

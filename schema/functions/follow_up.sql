-- Something urgent was placed: its thread's owner has to follow it up, with a contact that is documented by a closing code (clinic.md 4.1).
-- Due at the opening that comes next; inside the hours when an answer is due, or within a day. Called by place_message.
--   p_message  as it is stored. Its decision says when it is open again; the task's id follows from its secret salt
CREATE OR REPLACE FUNCTION follow_up(p_practice uuid, p_message message, p_owner uuid, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  m ALIAS FOR p_message;
  opens_at timestamptz := (convert_from(m.decision, 'UTF8')::jsonb ->> 'closed_until')::timestamptz;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  PERFORM add_tasks(p_practice, p_now,
    ARRAY[encode(substring(sha256('\x03'::bytea || m.leaf_salt) FROM 1 FOR 16), 'hex')::uuid], ARRAY[p_owner], ARRAY[m.thread_id],
    ARRAY['urgent_follow_up'], ARRAY[''], ARRAY[coalesce(opens_at, m.reply_by, p_now + interval '1 day')]);
END $$;

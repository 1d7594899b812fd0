-- Who is asking, in which thread. Begins every command and read of one thread, as enter begins those of a practice.
--   joined_n  what was placed before it comes to this member as bare entries (0: all is theirs)
-- One row. ET404: no such thread; not, not yet or no more a member; or a device that narrowing leaves out: told alike (A-5, A-6).
CREATE OR REPLACE FUNCTION enter_thread(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid,
                                        OUT account_id uuid, OUT device_id uuid, OUT role smallint, OUT start_n bigint, OUT joined_n bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  SELECT me.account_id, me.device_id, m.role, m.start_n, m.joined_n INTO account_id, device_id, role, start_n, joined_n
    FROM member m
   WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me.account_id AND present(m, p_now)
     AND NOT EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.device_id = me.device_id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
END $$;

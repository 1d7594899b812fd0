-- A rule set that the caller may change, with the practice's beside it.
--   p_layer   practice; own (a therapist's, else a client's); agreement or exception: of p_thread, which the caller owns
-- One row; `owner` and `layer` are those of the set, whose arrays are as rule_sets_of has them. ET404 as in enter_thread, and for a
-- thread of somebody else's.
CREATE OR REPLACE FUNCTION read_rules(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_layer text, p_thread uuid,
                                      OUT account_id uuid, OUT owner uuid, OUT layer text,
                                      OUT set_owners uuid[], OUT set_layers text[], OUT set_versions integer[], OUT set_rules bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  account_id := me.account_id;
  IF p_layer = 'practice' THEN
    layer := 'practice';
    owner := p_practice;
  ELSIF p_layer = 'own' THEN
    layer := CASE WHEN 'therapist' = ANY (me.roles) THEN 'therapist' ELSE 'client' END;
    owner := me.account_id;
  ELSE
    PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
    IF NOT EXISTS (SELECT FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread AND t.owner = me.account_id) THEN
      RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
    END IF;
    layer := p_layer;
    owner := p_thread;
  END IF;
  SELECT s.set_owners, s.set_layers, s.set_versions, s.set_rules INTO set_owners, set_layers, set_versions, set_rules
    FROM rule_sets_of(p_practice, ARRAY[p_practice, owner], ARRAY['practice', layer]) s;
END $$;

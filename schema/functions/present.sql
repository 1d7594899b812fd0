-- Whether a member has a part in its thread at p_now. Whoever left, was left out or whose cover is over has none, on any path.
CREATE OR REPLACE FUNCTION present(p_member member, p_now timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT p_member.ended_at IS NULL AND (p_member.until IS NULL OR p_member.until > p_now)
$$;

-- T_n from T_(n-1) and Entry_n (tep_amendments.md A-3): H("tep1:tlog\0" || T || Entry).
CREATE OR REPLACE FUNCTION thread_next(p_t bytea, p_entry bytea)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256('\x746570313a746c6f6700'::bytea || p_t || p_entry)
$$;

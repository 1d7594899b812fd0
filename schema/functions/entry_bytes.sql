-- The 88 bytes of an Entry (tep_amendments.md A-3), as both ends hash them.
-- All of it is IMMUTABLE in PostgreSQL's eyes too (extract from a timestamptz would not be): so it is inlined where it is called.
CREATE OR REPLACE FUNCTION entry_bytes(p_item_type integer, p_reason integer, p_generation integer, p_n bigint,
                                       p_placed_at timestamptz, p_item_hash bytea, p_promise_hash bytea)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT int4send(16777216 + p_item_type * 65536 + p_reason * 256) || int4send(p_generation) || int8send(p_n)
      || int8send((extract(epoch FROM p_placed_at - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint) || p_item_hash || p_promise_hash
$$;

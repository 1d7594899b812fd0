-- Write one audit leaf, unchained: the sequencer numbers it later (D-27). Data is CBOR [4, H(salt || record)] (A-15.2).
CREATE OR REPLACE FUNCTION note(p_practice uuid, p_leaf_id uuid, p_salt bytea, p_record bytea, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, salt, record, recorded_at)
  VALUES (p_practice, 2, p_leaf_id, '\x82045820'::bytea || sha256(p_salt || p_record), p_salt, p_record, p_now);
END $$;

-- The link that an active device offered, now signed by the new device as well: it counts, and the request has ended.
--   p_core  the core that was verified; the rest, and the outcomes, as in extend_chain for an op 2
-- Outcomes further: gone (no such request waits with this offer).
CREATE OR REPLACE FUNCTION complete_link(
  p_practice uuid, p_lookup uuid, p_account uuid, p_core bytea, p_now timestamptz, p_recorded_at timestamptz,
  p_op integer, p_seq integer, p_head bytea, p_link bytea, p_link_promise bytea, p_leaf_id uuid, p_leaf_data bytea,
  p_device uuid, p_sign_pk bytea, p_hpke_hash bytea, p_class integer, p_gone uuid[], p_mids uuid[], p_statuses bytea[],
  p_audit_leaf uuid, p_salt bytea, p_record bytea,
  OUT outcome text, OUT threads uuid[], OUT told uuid[])
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  PERFORM FROM device_request r
    WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup AND r.account_id = p_account AND r.core = p_core
      AND r.expires_at > p_now AND r.ended IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    outcome := 'gone';
    RETURN;
  END IF;
  SELECT x.outcome, x.threads, x.told INTO outcome, threads, told
    FROM extend_chain(p_practice, p_account, p_now, p_recorded_at, p_op, p_seq, p_head, p_link, p_link_promise, p_leaf_id, p_leaf_data,
                      p_device, p_sign_pk, p_hpke_hash, p_class, p_gone, p_mids, p_statuses, p_audit_leaf, p_salt, p_record) x;
  IF outcome = 'added' THEN
    UPDATE device_request r SET ended = 'linked' WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup;
  END IF;
END $$;

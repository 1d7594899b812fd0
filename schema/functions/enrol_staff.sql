-- Turn a staff link into a person (D-33). Everything was verified before; here it counts once.
-- Outcomes: enrolled; spent (used or expired meanwhile); taken (a chain or device of this kind exists).
CREATE OR REPLACE FUNCTION enrol_staff(
  p_practice uuid, p_lookup uuid, p_now timestamptz,
  p_account uuid, p_chain bytea, p_head bytea, p_links bytea[], p_link_promises bytea[], p_leaf_ids uuid[], p_leaf_data bytea[],
  p_devices uuid[], p_sign_pks bytea[], p_hpke_hashes bytea[], p_classes integer[],
  p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  link staff_link;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE staff_link s SET used_at = p_now
   WHERE s.practice_id = p_practice AND s.lookup_id = p_lookup AND s.used_at IS NULL AND s.expires_at > p_now
  RETURNING * INTO link;
  IF NOT FOUND THEN
    RETURN 'spent';
  END IF;
  BEGIN
    PERFORM add_account(p_practice, p_account, link.roles, link.display_name, p_now, p_chain, p_head, p_links, p_link_promises,
                        p_leaf_ids, p_leaf_data, p_devices, p_sign_pks, p_hpke_hashes, p_classes);
  EXCEPTION WHEN unique_violation THEN
    UPDATE staff_link s SET used_at = NULL WHERE s.practice_id = p_practice AND s.lookup_id = p_lookup;
    RETURN 'taken';
  END;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  PERFORM expect_due(p_practice, p_now);
  RETURN 'enrolled';
END $$;

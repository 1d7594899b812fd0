-- A one-use link for a member of staff, made by the operator (D-33). False: no such practice.
CREATE OR REPLACE FUNCTION create_staff_link(p_practice uuid, p_now timestamptz, p_lookup uuid, p_staff_pk bytea, p_staff_roles text[], p_display_name text,
                                             p_expires_at timestamptz, p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF NOT EXISTS (SELECT FROM practice p WHERE p.practice_id = p_practice) THEN
    RETURN false;
  END IF;
  INSERT INTO staff_link (practice_id, lookup_id, staff_pk, roles, display_name, expires_at)
  VALUES (p_practice, p_lookup, p_staff_pk, p_staff_roles, p_display_name, p_expires_at);
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  RETURN true;
END $$;

-- A decision as others than its sender may see it: without whether it was acknowledged, and whether it took the place of another.
-- Both hang on what else the sender has waiting, or had, of which nobody else may learn (G5, A-4).
CREATE OR REPLACE FUNCTION decision_for_others(p_decision bytea)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (d.whole - 'ack') || jsonb_build_object('because', coalesce(
           (SELECT jsonb_agg(r.reason ORDER BY r.nr) FROM jsonb_array_elements(d.whole -> 'because') WITH ORDINALITY AS r (reason, nr)
             WHERE r.reason ->> 'kind' NOT IN ('ack', 'replace')), '[]'))
    FROM (SELECT convert_from(p_decision, 'UTF8')::jsonb AS whole) d
$$;

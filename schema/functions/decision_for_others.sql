-- A decision as others than its sender may see it: without whether it was acknowledged, whether it took the place of another, and
-- what limits said of it. All of that hangs on what else the sender has waiting, or had, of which nobody else may learn (G5, A-4).
CREATE OR REPLACE FUNCTION decision_for_others(p_decision bytea)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (d.whole - ARRAY['ack', 'ack_again_at', 'left', 'counts_at', 'not_before', 'retry_from'])
      || jsonb_build_object(
           'because', coalesce(
             (SELECT jsonb_agg(r.reason ORDER BY r.nr) FROM jsonb_array_elements(d.whole -> 'because') WITH ORDINALITY AS r (reason, nr)
               WHERE r.reason ->> 'kind' !~ '^(ack|replace|budget[.].*|pacing|pacing[.].*)$'), '[]'),
           'by', coalesce(
             (SELECT jsonb_object_agg(b.field, b.reason) FROM jsonb_each(d.whole -> 'by') AS b (field, reason)
               WHERE b.reason ->> 'kind' !~ '^(ack|replace|budget[.].*|pacing|pacing[.].*)$'
                 AND b.field <> ALL (ARRAY['ack', 'ack_again_at', 'left', 'counts_at', 'not_before', 'retry_from'])), '{}'))
    FROM (SELECT convert_from(p_decision, 'UTF8')::jsonb AS whole) d
$$;

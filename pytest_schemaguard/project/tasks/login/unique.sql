-- The columns of each unique index of a table, those in its expressions included.
SELECT index.indexrelid, attribute.attname
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_attribute AS attribute
  ON attribute.attrelid = index.indrelid
 AND (attribute.attnum = ANY (index.indkey)
      OR EXISTS (SELECT
                 FROM pg_catalog.pg_depend AS depend
                 WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                   AND depend.objid = index.indexrelid
                   AND depend.refobjid = index.indrelid
                   AND depend.refobjsubid = attribute.attnum))
WHERE index.indisunique
  AND attribute.attnum > 0
  AND index.indrelid = pg_catalog.to_regclass(:relation)
ORDER BY index.indexrelid, attribute.attnum

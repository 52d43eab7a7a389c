"""Of constraints."""
# ruff: noqa: ISC004 - of each case the first is SQL, over as many lines as it takes

from __future__ import annotations

CASES = [
    ("ALTER TABLE child DROP CONSTRAINT child_pkey", "missing-primary-key error fixed"),
    (
        "ALTER TABLE child DROP CONSTRAINT child_pkey, ADD CONSTRAINT child_pkey PRIMARY "
        "KEY (id, name)",
        "primary-key error fixed",
    ),
    ("ALTER TABLE child RENAME CONSTRAINT child_pkey TO pk", "renamed-constraint info fixed"),
    (
        "ALTER TABLE child DROP CONSTRAINT child_pkey, ADD CONSTRAINT child_pkey PRIMARY "
        "KEY (id) DEFERRABLE",
        "primary-key warning fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_pkey, ADD CONSTRAINT child_pkey PRIMARY "
        "KEY (id) INCLUDE (name)",
        "primary-key info",
    ),
    (
        "ALTER TABLE pair DROP CONSTRAINT pair_pkey, ADD CONSTRAINT pair_pkey PRIMARY KEY (b, a)",
        "primary-key warning fixed",
    ),
    ("ALTER TABLE measured ADD PRIMARY KEY (at)", "extra-primary-key warning"),
    ("ALTER TABLE child DROP CONSTRAINT child_parent", "missing-foreign-key error fixed"),
    (
        "ALTER TABLE child ADD CONSTRAINT again FOREIGN KEY (parent_id) REFERENCES parent (id)",
        "extra-foreign-key warning fixed",
    ),
    (
        "ALTER TABLE child ADD CONSTRAINT again FOREIGN KEY (parent_id) REFERENCES "
        "parent (id) ON DELETE CASCADE",
        "redundant-constraint info",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) ",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) MATCH FULL ON DELETE CASCADE",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE DEFERRABLE",
        "foreign-key warning fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE DEFERRABLE "
        "INITIALLY DEFERRED",
        "foreign-key warning fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_parent, ADD CONSTRAINT child_parent "
        "FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE NOT VALID",
        "foreign-key error fixed",
    ),
    ("ALTER TABLE parent DROP CONSTRAINT parent_code_key", "missing-unique error fixed"),
    ("ALTER TABLE parent ADD UNIQUE (note)", "extra-unique error fixed"),
    ("ALTER TABLE parent ADD UNIQUE (code)", "redundant-constraint info"),
    ("ALTER TABLE parent ADD UNIQUE (code) DEFERRABLE", "extra-unique error fixed"),
    (
        "ALTER TABLE child DROP CONSTRAINT child_names, ADD CONSTRAINT child_names "
        "UNIQUE (name, parent_id)",
        "unique warning fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_names, ADD CONSTRAINT child_names "
        "UNIQUE (parent_id, name) INCLUDE (day)",
        "unique info",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT child_names;CREATE UNIQUE INDEX ux ON child "
        "(parent_id, name)",
        "unique-index-for-constraint info",
    ),
    ("ALTER TABLE child DROP CONSTRAINT price_positive", "missing-check error fixed"),
    ("ALTER TABLE child ADD CHECK (small > 0)", "extra-check warning fixed"),
    (
        "ALTER TABLE child DROP CONSTRAINT price_positive, ADD CONSTRAINT price_positive "
        "CHECK (price > 0)",
        "check error fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT price_positive, ADD CONSTRAINT price_positive "
        "CHECK (price >= 0) NOT VALID",
        "check error fixed",
    ),
    (
        "ALTER TABLE child DROP CONSTRAINT price_positive, ADD CONSTRAINT price_positive "
        "CHECK (price >= 0) NO INHERIT",
        "check warning fixed",
    ),
    (
        'ALTER TABLE "Shop"."Order" DROP CONSTRAINT "Is %s", ADD CONSTRAINT "Is %s" '
        "CHECK (\"user\" IN ('a', 'b'))",
        "check error fixed",
    ),
    ("ALTER TABLE child RENAME CONSTRAINT price_positive TO c", "renamed-constraint info fixed"),
    ("ALTER TABLE child DROP CONSTRAINT no_overlap", "missing-exclusion error fixed"),
    (
        "ALTER TABLE child DROP CONSTRAINT no_overlap, ADD CONSTRAINT no_overlap EXCLUDE "
        "USING gist (during WITH &&) WHERE (small > 0)",
        "exclusion error fixed",
    ),
    ("ALTER TABLE child ADD EXCLUDE (small WITH =)", "extra-exclusion error fixed"),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        "FOREIGN KEY (other) REFERENCES parent (id) ON DELETE SET NULL",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        'FOREIGN KEY (number) REFERENCES "Shop"."Order" ("Id") ON DELETE SET NULL',
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET DEFAULT',
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE RESTRICT',
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET NULL ON '
        "UPDATE SET NULL",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET NULL ON '
        "UPDATE RESTRICT",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
        'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET NULL NOT VALID',
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pair, ADD CONSTRAINT thing_pair FOREIGN "
        "KEY (pair_a, pair_b) REFERENCES couple (a, b) ON UPDATE CASCADE DEFERRABLE "
        "INITIALLY DEFERRED",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pair, ADD CONSTRAINT thing_pair FOREIGN "
        "KEY (pair_a, pair_b) REFERENCES couple (a, b) MATCH FULL DEFERRABLE INITIALLY "
        "DEFERRED",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pair, ADD CONSTRAINT thing_pair FOREIGN "
        "KEY (pair_a, pair_b) REFERENCES couple (a, b) MATCH FULL ON UPDATE CASCADE "
        "DEFERRABLE",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pair, ADD CONSTRAINT thing_pair FOREIGN "
        "KEY (pair_a, pair_b) REFERENCES couple (a, b) MATCH FULL ON UPDATE CASCADE",
        "foreign-key error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pair, ADD CONSTRAINT thing_pair FOREIGN "
        "KEY (pair_b, pair_a) REFERENCES couple (a, b) MATCH FULL ON UPDATE CASCADE "
        "DEFERRABLE INITIALLY DEFERRED",
        "foreign-key error fixed",
    ),
    ("ALTER TABLE thing RENAME CONSTRAINT thing_pair TO fk", "renamed-constraint info fixed"),
    ("ALTER TABLE thing DROP CONSTRAINT thing_pair", "missing-foreign-key error fixed"),
    ("ALTER TABLE thing DISABLE TRIGGER ALL", "unenforced-constraint error fixed"),
    ('ALTER TABLE "Shop"."Order" DISABLE TRIGGER ALL', "unenforced-constraint error fixed"),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_room, ADD CONSTRAINT thing_room UNIQUE (room)",
        "unique error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_room, ADD CONSTRAINT thing_room UNIQUE "
        "(room) DEFERRABLE INITIALLY DEFERRED",
        "unique warning fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_room, ADD CONSTRAINT thing_room UNIQUE "
        "(number) DEFERRABLE",
        "unique error fixed",
    ),
    ("ALTER TABLE thing DROP CONSTRAINT thing_room", "missing-unique error fixed"),
    ("ALTER TABLE thing RENAME CONSTRAINT thing_room TO u", "renamed-constraint info fixed"),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_room; "
        "CREATE UNIQUE INDEX thing_room ON thing (room)",
        "extra-index error, missing-unique error, fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_number, ADD CONSTRAINT thing_number "
        "UNIQUE (number)",
        "unique warning fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_number, ADD CONSTRAINT thing_number "
        "UNIQUE (number) INCLUDE (ratio)",
        "unique warning fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_number, ADD CONSTRAINT thing_number "
        "UNIQUE (number) INCLUDE (big, ratio)",
        "unique warning fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_number, ADD CONSTRAINT thing_number "
        "UNIQUE (number, big)",
        "unique error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pkey, ADD CONSTRAINT thing_pkey PRIMARY "
        "KEY (id) INCLUDE (big)",
        "primary-key info",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pkey, ADD CONSTRAINT thing_pkey UNIQUE (id)",
        "extra-unique error, missing-primary-key error, fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_pkey, ADD CONSTRAINT thing_pkey PRIMARY "
        "KEY (id) DEFERRABLE INITIALLY DEFERRED",
        "primary-key warning fixed",
    ),
    ("ALTER TABLE thing DROP CONSTRAINT thing_pkey", "missing-primary-key error fixed"),
    ("ALTER TABLE fast ADD PRIMARY KEY (id)", "extra-primary-key warning"),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_during, ADD CONSTRAINT thing_during "
        "EXCLUDE USING gist (during WITH &&) WHERE (room > 0)",
        "exclusion error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_during, ADD CONSTRAINT thing_during "
        "EXCLUDE USING gist (during WITH &&) WHERE (room > 0) DEFERRABLE",
        "exclusion error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_during, ADD CONSTRAINT thing_during "
        "EXCLUDE USING gist (during WITH &&) WHERE (room > 1) DEFERRABLE INITIALLY DEFERRED",
        "exclusion error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_during, ADD CONSTRAINT thing_during "
        "EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED",
        "exclusion error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_during, ADD CONSTRAINT thing_during "
        "EXCLUDE USING gist (during WITH =) WHERE (room > 0) DEFERRABLE INITIALLY DEFERRED",
        "exclusion error fixed",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_during, ADD CONSTRAINT thing_during "
        "EXCLUDE USING spgist (during WITH &&) WHERE (room > 0) DEFERRABLE INITIALLY DEFERRED",
        "exclusion error fixed",
    ),
    ("ALTER TABLE thing RENAME CONSTRAINT thing_during TO ex", "renamed-constraint info fixed"),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_check, ADD CONSTRAINT thing_check CHECK (big > 0)",
        "check warning, constraint-comment info",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_check, ADD CONSTRAINT thing_check CHECK "
        "(big > 0) NO INHERIT NOT VALID",
        "check error, constraint-comment info",
    ),
    (
        "ALTER TABLE thing DROP CONSTRAINT thing_check, ADD CONSTRAINT thing_check CHECK "
        "(big > 1) NO INHERIT",
        "check error, constraint-comment info",
    ),
    (
        "ALTER TABLE thing ADD CONSTRAINT again CHECK (big > 0) NO INHERIT",
        "redundant-constraint info",
    ),
    ("COMMENT ON CONSTRAINT thing_room ON thing IS 'new'", "constraint-comment info"),
    ("COMMENT ON CONSTRAINT thing_check ON thing IS NULL", "constraint-comment info"),
    ("COMMENT ON CONSTRAINT thing_check ON thing IS 'other'", "constraint-comment info"),
    ("ALTER TABLE listed ADD CONSTRAINT listed_key UNIQUE (region)", "extra-unique error fixed"),
    ("ALTER TABLE base ADD CHECK (a > 0)", "extra-check warning"),
]

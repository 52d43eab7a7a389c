-- How many reports each user may have.
ALTER TABLE "user"
    ADD COLUMN max_reports integer NOT NULL DEFAULT 5;

CREATE TABLE "user" (
    id serial PRIMARY KEY,
    email varchar NOT NULL UNIQUE
);
